"""The tasks of the DAG approve_figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from headline import settings
from headline.errors import BadRequest
from headline.intervals import DAY, Interval, business_day, requested_interval
from headline.operators.report import report_restated

if TYPE_CHECKING:
    from headline.ledger import FigureRequest

TIME_TO_ANSWER = timedelta(days=14)


class ApproveFiguresOperator(ApprovalOperator):
    """Asks a person whether figures may be issued, or issued ones restated, and writes the answer to the ledger.

    There is no answer by default: who does not answer has approved nothing. An answer of whoever asked for it does not count,
    and it is asked again. A refusal fails the run. What was decided counts no more once the task is cleared.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(subject="", fail_on_reject=True, response_timeout=TIME_TO_ANSWER, **kwargs)

    def execute(self, context: Any) -> Any:
        from headline.figures.text import body, title
        from headline.ledger import IssuedFigures

        request = _request(context)
        self.subject, self.body = title(request), body(request, IssuedFigures().head())
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        from headline.ledger import FigureRequests

        requests, request = FigureRequests(), _known(context)
        answer = HITLOperator.execute_complete(self, context, event)
        person = (event.get("responded_by_user") or {}).get("name")
        run_id = context["dag_run"].run_id
        if not person or event.get("timedout"):
            raise BadRequest(f"request {request.id}: nobody has answered; nothing is published")
        if request.is_caused_by(person):
            self.log.warning("%s requested this and cannot decide it: another person is asked now", person)
            return self.execute(context)
        if answer["chosen_options"] == [self.APPROVE]:
            decided = requests.approve(request.id, person, run_id)
        else:
            decided = requests.refuse(request.id, person, run_id)
        _resolve_incident(decided)
        if decided.state == "refused":
            raise BadRequest(f"request {request.id}: {person} has refused it; nothing changes")
        self.log.info("request %s was approved by %s: %s", request.id, person, request.sha256)
        return answer

    def process_trigger_event_error(self, event: dict[str, Any]) -> None:
        """Nobody has answered in time: to ask three times more would be no other question."""
        raise BadRequest(f"nobody has answered ({event['error_type']}): nothing is published; clear the task to ask again")


class PublishApprovedOperator(TriggerDagRunOperator):
    """Issues what was approved, or has the pipeline publish it: the ledger says whether it was, never the task before.

    The run that it starts computes the days again, and publishes them only where the result is the one that was approved.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            trigger_dag_id="",
            logical_date=None,
            wait_for_completion=True,
            deferrable=True,
            reset_dag_run=True,  # killed or cleared, the task has the same run tried again
            poke_interval=5,
            **kwargs,
        )

    def execute(self, context: Any) -> None:
        from headline import specs
        from headline.figures.issuing import issue
        from headline.ledger import FigureRequests, Ledger
        from headline.warehouse import open_warehouse

        request = _known(context)
        run_id = context["dag_run"].run_id
        if request.kind == "issue":
            rows = issue(request.id, run_id, specs.load_for(request.pipeline), Ledger(), open_warehouse())
            self.log.info("%s figures of %s were issued", len(rows), request.pipeline)
            return
        if request.state == "published":
            report_restated(request)
            return
        request.require_not_moot()
        if request.state != "approved":
            raise BadRequest(f"request {request.id}: it is not approved; nothing is published")
        self.trigger_dag_id = request.pipeline
        self.conf = {"from": str(request.start), "to": str(request.end - DAY)}
        self.trigger_run_id = f"restatement__{request.id}__{len(FigureRequests().history(request.id))}"
        super().execute(context)

    def execute_complete(self, context: Any, event: Any) -> None:
        """The run has ended; whether what was approved is published the ledger says, and not the state of the run."""
        request = _known(context)
        if request.state != "published":
            raise BadRequest(
                f"request {request.id}: the run {event[1]['run_ids'][0]} of {request.pipeline} has not published it; its log "
                "says why. Clear this task to have it tried again"
            )
        report_restated(request)


def _resolve_incident(request: FigureRequest) -> None:
    from headline.ledger.incidents import Incidents
    from headline.operators.asking import KIND

    incidents = Incidents()
    for one in incidents.open():
        if (one.pipeline, one.kind, one.facts.get("request")) == (request.pipeline, KIND, request.id):
            incidents.resolve(one.id, datetime.now(UTC), f"{request.state} by {request.decided_by}")


def _request(context: Any) -> FigureRequest:
    """What the run is to have decided: the request that it is told, or a new one for the period that it is told.

    A run has one request for ever: what its page shows is what is decided. Raises BadRequest for one that is published.
    """
    from headline import specs
    from headline.figures.issuing import request_issue
    from headline.ledger import FigureRequests, Ledger
    from headline.warehouse import open_warehouse

    params, dag_run, requests = context["params"], context["dag_run"], FigureRequests()
    if known := requests.of_run(dag_run.run_id, params.get("request")):
        if known.state == "published":
            raise BadRequest(f"request {known.id} is published already: there is nothing to decide")
        known.require_not_moot()
        return known if known.state == "asked" else requests.ask_again(known.id, dag_run.run_id)
    if not params.get("pipeline"):
        raise BadRequest("say which pipeline's figures are to be issued, and of which days: trigger it with the form")
    catalog = specs.load_for(params["pipeline"])
    who = dag_run.triggering_user_name or ""
    place = (who, dag_run.run_id, catalog, Ledger(), open_warehouse(), params.get("reason") or "")
    leave_out = bool(params.get("leave_out"))
    asked = request_issue(catalog.pipelines[params["pipeline"]], _days(params), *place, leave_out=leave_out)
    if asked.run_id != dag_run.run_id:
        raise BadRequest(
            f"request {asked.id} is about just these figures, and is {asked.state}: answer it in its run {asked.run_id}, or "
            "clear the task approve there to have it asked again"
        )
    return asked


def _days(params: Any) -> Any:
    if not params.get("from"):
        raise BadRequest("say of which days figures are to be issued: fill in «from»")
    today = business_day(datetime.now(UTC), settings.load().reporting_zone)
    return requested_interval(params["from"], params["to"], Interval(today - DAY, today), today)


def _known(context: Any) -> FigureRequest:
    """The request of the run; raises BadRequest where it has none."""
    from headline.ledger import FigureRequests

    dag_run = context["dag_run"]
    known = FigureRequests().of_run(dag_run.run_id, context["params"].get("request"))
    if known is None:
        raise BadRequest(f"the run {dag_run.run_id} has asked for nothing, so that nobody can have approved it")
    return known
