// A conversation from a file: chosen, sent to our own route, and opened once it is whole.
(() => {
  const { $ } = lt;

  addEventListener("click", (e) => {
    if (e.target.closest?.("#to-import")) $("#carry input").click();
  });
  addEventListener("change", (e) => {
    if (!e.target.matches?.("#carry input") || !e.target.files[0]) return;
    take(e.target.files[0]);
    e.target.value = ""; // so that the same file can be chosen again
  });

  async function take(file) {
    const button = $("#to-import"), bar = $("#carry progress"), told = $("#import-told");
    if (button.ariaDisabled === "true") return;
    told.textContent = "";
    if (file.size > Number(button.dataset.most)) { told.textContent = button.dataset.large; return; }
    button.ariaDisabled = "true";
    bar.hidden = false;
    const answer = await fetch("import", { method: "POST", headers: { "Content-Type": "application/json" }, body: file })
      .then((r) => r.json(), () => ({})).catch(() => ({}));
    button.ariaDisabled = "false";
    bar.hidden = true;
    if (answer.thread) lt.threads.open(answer.thread);
    else told.textContent = answer.error || button.dataset.away;
  }
})();
