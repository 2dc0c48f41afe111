// Light or dark as Airflow is, which keeps its user's choice here; whoever has not chosen gets what the system says.
const follow = () => {
  const theme = localStorage.getItem("theme");
  document.documentElement.style.colorScheme = ["light", "dark"].includes(theme) ? theme : "";
};
follow();
addEventListener("storage", follow);

// Inside of Airflow's UI a link to one of its own pages opens there, not in this frame.
if (parent !== window) document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-airflow]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  parent.history.pushState(null, "", link.href);
  parent.dispatchEvent(new PopStateEvent("popstate"));
});

// A tap on a block of code copies it; where the browser does not let us, it is selected instead.
const copies = (block) => {
  const button = document.createElement("button");
  button.textContent = "Copy";
  button.onclick = async () => {
    const text = block.querySelector("code").textContent.trimEnd();
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block.querySelector("code"));
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  };
  block.prepend(button);
};

// Ctrl+Enter (on a Mac also with the command key) sends a query.
addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !event.target.matches(".query textarea")) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});

// A link to what is folded unfolds it.
const unfold = () => document.getElementById(location.hash.slice(1))?.closest("details")?.setAttribute("open", "");
addEventListener("hashchange", unfold);
addEventListener("DOMContentLoaded", () => {
  // A wide picture shows first what it is of.
  for (const here of document.querySelectorAll(".lineage .here rect")) {
    const picture = here.closest(".lineage");
    picture.scrollLeft = here.x.baseVal.value - (picture.clientWidth - here.width.baseVal.value) / 2;
  }
  for (const block of document.querySelectorAll(".markdown pre")) copies(block);
  unfold();
});
