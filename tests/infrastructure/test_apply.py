"""infra/terraform applied to moto, and what each role may do there: `make infra`, since it takes minutes."""

from __future__ import annotations

import fnmatch
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headline.runbooks.access import load_access
from headline.settings import PROJECT

pytestmark = [
    pytest.mark.skipif("HEADLINE_TEST_TERRAFORM" not in os.environ, reason="takes minutes: make infra"),
    pytest.mark.skipif(not shutil.which("terraform"), reason="needs terraform"),
    pytest.mark.timeout(900),
]
SERVICES = ("athena", "glue", "iam", "kms", "s3", "sns", "sqs", "sts")
ACCOUNT = "123456789012"  # moto's


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a moto in which production was planned in one folder and applied in another, as in the workflow."""
    from moto.server import ThreadedMotoServer

    folder = tmp_path_factory.mktemp("terraform") / "infra"
    shutil.copytree(PROJECT / "infra" / "terraform", folder, ignore=shutil.ignore_patterns(".terraform*"))
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    url = f"http://127.0.0.1:{port}"
    (folder / "override.tf").write_text(
        'terraform {\n  backend "local" {}\n}\nprovider "aws" {\n  access_key = "moto"\n  secret_key = "moto"\n'
        "  skip_credentials_validation = true\n  skip_metadata_api_check = true\n  s3_use_path_style = true\n  endpoints {\n"
        + "".join(f'    {service} = "{url}"\n' for service in SERVICES)
        + "  }\n}\n"
    )

    def terraform(where: Path, *arguments: str) -> None:
        command = ["terraform", arguments[0], "-no-color", *arguments[1:]]
        done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
        if done.returncode and arguments[0] == "init":
            pytest.skip(f"the provider cannot be had: {done.stderr[-300:]}")
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    plugins = [f"-plugin-dir={os.environ['TERRAFORM_PLUGINS']}"] if os.environ.get("TERRAFORM_PLUGINS") else []
    try:
        terraform(folder, "init", "-input=false", *plugins)
        terraform(folder, "plan", "-input=false", "-var-file=environments/prod.tfvars", "-out=plan")
        elsewhere = Path(shutil.copytree(folder, folder.with_name("elsewhere"), ignore=shutil.ignore_patterns(".terraform*")))
        terraform(elsewhere, "init", "-input=false", *plugins)
        terraform(elsewhere, "apply", "-input=false", "plan")
        yield url
    finally:
        server.stop()


def client(service: str, url: str) -> Any:
    import boto3

    keys = {"aws_access_key_id": "moto", "aws_secret_access_key": "moto"}
    return boto3.client(service, endpoint_url=url, region_name="eu-central-1", **keys)


def allows(policy: dict[str, Any], action: str, resource: str, prefix: str = "") -> bool:
    """Whether a policy of a role allows an action, for a listing with this prefix; other conditions count as met."""
    for one in policy["Statement"]:
        actions, resources = ([part] if isinstance(part, str) else part for part in (one["Action"], one["Resource"]))
        prefixes = one.get("Condition", {}).get("StringLike", {}).get("s3:prefix", "*")
        if (
            action in actions
            and any(fnmatch.fnmatchcase(resource, pattern) for pattern in resources)
            and any(fnmatch.fnmatchcase(prefix, pattern) for pattern in ([prefixes] if isinstance(prefixes, str) else prefixes))
        ):
            return True
    return False


@pytest.fixture(scope="module")
def policies(applied: str) -> dict[str, dict[str, Any]]:
    iam = client("iam", applied)
    names = [role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"].startswith("headline-prod-")]
    found = {name: iam.get_role_policy(RoleName=name, PolicyName="access")["PolicyDocument"] for name in names}
    return {
        name.removeprefix("headline-prod-"): found if isinstance(found, dict) else json.loads(found)
        for name, found in found.items()
    }


def bucket(name: str) -> str:
    return f"arn:aws:s3:::headline-prod-{name}-{ACCOUNT}"


def table(schema: str) -> str:
    return f"arn:aws:glue:eu-central-1:{ACCOUNT}:table/headline_prod_{schema}/orders"


def test_each_role_may_do_what_the_file_says_and_nothing_else(policies: dict[str, dict[str, Any]]) -> None:
    access = load_access()
    assert set(policies) == set(access.roles)
    for name, role in access.roles.items():
        for place in access.buckets:
            right, own = role.buckets.get(place), place == "results" and bool(role.schemas)
            target = f"{bucket(place)}/{name if own else 'x'}/file"
            if place == "warehouse":
                target = f"{bucket(place)}/unknown/file"
            may = {action: allows(policies[name], f"s3:{action}Object", target) for action in ("Get", "Put", "Delete")}
            wanted = {"Get": bool(right) or own, "Put": right in ("add", "change") or own, "Delete": right == "change" or own}
            assert may == wanted, (name, place)
        for schema in access.schemas:
            right = role.schemas.get(schema)
            file = f"{bucket('warehouse')}/{schema}/orders/data/file.parquet"
            assert allows(policies[name], "s3:GetObject", file) == bool(right), (name, schema)
            assert allows(policies[name], "s3:PutObject", file) == (right == "change"), (name, schema)
            assert allows(policies[name], "s3:ListBucket", bucket("warehouse"), f"{schema}/") == bool(right), (name, schema)
            assert allows(policies[name], "glue:GetTable", table(schema)) == bool(right), (name, schema)
            assert allows(policies[name], "glue:DeleteTable", table(schema)) == (right == "change"), (name, schema)
        others = [other for other, one in access.roles.items() if one.schemas and other != name]
        for other in others:
            workgroup = f"arn:aws:athena:eu-central-1:{ACCOUNT}:workgroup/headline-prod-{other}"
            assert not allows(policies[name], "athena:StartQueryExecution", workgroup), (name, other)
            assert not allows(policies[name], "s3:GetObject", f"{bucket('results')}/{other}/file"), (name, other)


def test_buckets_are_encrypted_versioned_and_closed(applied: str) -> None:
    s3 = client("s3", applied)
    names = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert len(names) == len(load_access().buckets)
    for name in names:
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
        [rule] = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
        assert '"aws:SecureTransport":"false"' in s3.get_bucket_policy(Bucket=name)["Policy"].replace(" ", "")


def test_a_query_is_limited(applied: str) -> None:
    found = client("athena", applied).get_work_group(WorkGroup="headline-prod-profit")["WorkGroup"]["Configuration"]
    assert found["EnforceWorkGroupConfiguration"] is True
    assert found["BytesScannedCutoffPerQuery"] == 5000 * 10**9
    assert found["ResultConfiguration"]["OutputLocation"] == f"s3://headline-prod-results-{ACCOUNT}/profit/"


def test_a_file_that_arrives_announces_itself(applied: str) -> None:
    s3, sqs = client("s3", applied), client("sqs", applied)
    s3.delete_bucket_policy(Bucket=f"headline-prod-arrivals-{ACCOUNT}")  # moto refuses whatever a policy denies on a condition
    s3.put_object(Bucket=f"headline-prod-arrivals-{ACCOUNT}", Key="app/events/1.jsonl.gz", Body=b"x")
    url = sqs.get_queue_url(QueueName="headline-prod-arrivals")["QueueUrl"]
    keys = [
        record["s3"]["object"]["key"]
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())
        for record in json.loads(message["Body"]).get("Records", ())
    ]
    assert keys == ["app%2Fevents%2F1.jsonl.gz"]
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"])
    assert policy["deadLetterTargetArn"].endswith(":headline-prod-arrivals-dead")
