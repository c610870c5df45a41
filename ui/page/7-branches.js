// The map of branches: names in place, and two branches side by side in a dialog.
lt.branches = (() => {
  const { $ } = lt;

  function branches(element, trigger) {
    lt.wire(element, trigger);
    lt.list(element, ".go");
    element.addEventListener("click", (e) => {
      const button = e.target.closest("[data-act]"), row = button?.closest(".row");
      if (button?.dataset.act === "name") name(row, trigger);
      if (button?.dataset.act === "beside") compare($("[aria-current]", element).dataset.id, $(".go", row).dataset.id, trigger);
    });
    // An answer that ends has the map drawn anew: who is typing a name goes on.
    new MutationObserver(() => {
      if (!named || named.input.isConnected) return;
      const { first, input } = named, row = $(`.row[data-first="${first}"]`, element);
      named = null;
      if (row) name(row, trigger).value = input.value;
    }).observe(element, { childList: true, subtree: true });
  }

  let named = null; // the branch whose name is being typed, and where
  function name(row, trigger) {
    const { field, most } = row.closest("nav").dataset, { first } = row.dataset;
    const input = lt.field(row, row.dataset.name, field, most, (name) => name && trigger("call", { first, name }), () => {
      named = null;
      $("[data-act=name]", row).focus();
    });
    named = { first, input };
    return input;
  }

  const page = async (one, other, skip) => {
    const asked = new URLSearchParams({ thread: lt.thread(), one, other, skip });
    const answer = await fetch(`beside?${asked}`).catch(() => null); // the line above the chat says what is away
    if (answer?.redirected) location.reload(); // to the sign-in
    return answer && !answer.redirected ? answer.text() : "";
  };

  async function compare(one, other, trigger) {
    const html = await page(one, other, 0), dialog = document.createElement("dialog");
    if (!html) return;
    Object.assign(dialog, { id: "beside", innerHTML: html });
    dialog.setAttribute("aria-labelledby", "beside-title");
    dialog.onclose = () => dialog.remove();
    dialog.onkeydown = (e) => e.key === "Escape" && e.stopPropagation(); // closes this and nothing else
    dialog.onclick = (e) => {
      const use = e.target.closest(".use"), more = e.target.closest(".more");
      if (use) { trigger("turn", { id: use.dataset.id }); lt.drawer(""); }
      if (use || e.target.closest(".close") || e.target === dialog) dialog.close();
      if (more) further(dialog, more, one, other);
    };
    document.body.append(dialog);
    dialog.showModal();
  }

  async function further(dialog, more, one, other) {
    more.disabled = true;
    const skip = Math.max(...[...dialog.querySelectorAll("div.one, div.other")].map((side) => side.querySelectorAll("li").length));
    const next = document.createElement("div");
    next.innerHTML = await page(one, other, skip);
    for (const side of ["one", "other"]) {
      const into = $(`div.${side}`, dialog), from = $(`div.${side}`, next);
      $(".end", into)?.remove();
      if (from) into.append(...from.childNodes);
    }
    const again = $(".more", next);
    if (again) more.replaceWith(again), again.focus();
    else { more.remove(); $(".close", dialog).focus(); }
  }
  return branches;
})();
