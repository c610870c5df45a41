// The list of threads: its menu, the new name in place, the question before a deletion; back and forward.
lt.threads = (() => {
  const { $, wire, thread } = lt;
  let open = () => {};
  let row = null; // the thread whose menu or dialog is open

  function threads(element, trigger) {
    wire(element, trigger);
    open = (id) => trigger("open", { id });
    const menu = $("#thread-menu", element), dialog = $("#thread-remove", element);
    element.addEventListener("click", (e) => {
      const dots = e.target.closest("[data-menu]"), act = e.target.closest("[data-row]")?.dataset.row;
      if (dots) {
        row = dots.closest("li");
        const box = dots.getBoundingClientRect();
        menu.showPopover();
        menu.style.left = `${Math.min(box.left, innerWidth - menu.offsetWidth - 8)}px`;
        menu.style.top = `${Math.min(box.bottom + 4, innerHeight - menu.offsetHeight - 8)}px`;
        $("button", menu).focus();
      } else if (act) {
        menu.hidePopover();
        if (act === "rename") return rename(row, trigger);
        $("b", dialog).textContent = `“${$("a", row).textContent}”`;
        dialog.returnValue = "";
        dialog.showModal();
      }
    });
    dialog.addEventListener("close", () => dialog.returnValue === "remove" && trigger("remove", { id: row.dataset.id }));
  }

  function rename(row, trigger) {
    const link = $("a", row), input = document.createElement("input");
    Object.assign(input, { value: link.textContent, maxLength: 200 });
    input.setAttribute("aria-label", "Title");
    const done = (title) => {
      input.onblur = null;
      input.remove();
      row.classList.remove("renaming");
      if (title && title !== link.textContent) trigger("rename", { id: row.dataset.id, title });
    };
    input.onkeydown = (e) => { if (e.key === "Enter") done(input.value.trim()); if (e.key === "Escape") done(""); };
    input.onblur = () => done(input.value.trim());
    row.classList.add("renaming");
    row.append(input);
    input.select();
  }

  addEventListener("popstate", () => open(thread()));
  return threads;
})();
