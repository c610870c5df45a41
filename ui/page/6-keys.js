// Keys beyond those of the fields themselves, and the things to try on an empty page.
(() => {
  const { $ } = lt, box = () => $("#composer textarea");
  const typing = (e) => /^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) || e.target.isContentEditable;
  const list = () => { const dialog = $("#keys-list"); if (dialog && !dialog.open) dialog.showModal(); };

  addEventListener("keydown", (e) => {
    const control = e.ctrlKey || e.metaKey, empty = e.target === box() && !box().value;
    if (e.key === "?" && (!typing(e) || empty)) list();
    else if (control && e.shiftKey && e.key.toLowerCase() === "o") $("#left a.new")?.click();
    else if (e.key === "ArrowUp" && empty) [...document.querySelectorAll("#chat .lt-do-edit")].at(-1)?.click();
    else if (e.key === "Escape" && e.target === box() && $("#composer .stop-button")) $("#composer .stop-button").click();
    else return;
    e.preventDefault();
  });
  addEventListener("click", (e) => {
    if (e.target.closest?.("#to-keys")) list();
    const idea = e.target.closest?.("#chat a[href$='#try']");
    if (!idea) return;
    e.preventDefault();
    lt.put(idea.textContent);
    lt.write();
  });
})();
