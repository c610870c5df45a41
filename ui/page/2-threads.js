// The list of threads: its menu, names and tags in place, the trash and the way back, the search; back and forward.
lt.threads = (() => {
  const { $, wire, thread } = lt;
  const LOOK = 2500, UNDO = 10000, PAUSE = 150; // ms: a look at the list; the way back; after the last key of a search
  let open = () => {};
  let row = null, dots = null; // the thread whose menu or dialog is open

  function threads(element, trigger) {
    const left = element.closest("#left");
    wire(left, trigger);
    new MutationObserver(current).observe(left, { childList: true, subtree: true });
    current();
    open = (id) => trigger("open", { id });
    left.addEventListener("click", (e) => {
      const button = e.target.closest("[data-menu]"), act = e.target.closest("[data-row]")?.dataset.row;
      if (button) menu(button);
      if (act) { $("#thread-menu").hidePopover(); does[act](trigger); }
      const mark = e.target.closest("[data-mark]")?.dataset.mark;
      if (mark) seek(mark);
    });
    left.addEventListener("close", (e) => e.target.returnValue === "remove" && trigger("remove", { id: row.dataset.id }), true);
    left.addEventListener("input", (e) => e.target.id === "thread-search" && search(e.target));
    left.addEventListener("keydown", keys);
    setInterval(() => {
      if (document.hidden || $("input", element) || $("#thread-menu:popover-open")) return;
      const list = $("[data-digest]", element)?.dataset;
      if (list) trigger("look", { seen: list.digest, shelf: list.shelf, tag: list.tag });
    }, LOOK);
  }

  // Which thread the tab shows, by its address.
  function current() {
    for (const a of document.querySelectorAll("#threads li > a"))
      if (a.dataset.id === thread()) a.setAttribute("aria-current", "page"); else a.removeAttribute("aria-current");
  }
  addEventListener("lt-url", current);

  function menu(button) {
    const list = $("#thread-menu"), shelf = button.closest("[data-shelf]").dataset.shelf;
    row = button.closest("li");
    dots = button;
    for (const b of list.querySelectorAll("button"))
      b.parentNode.hidden = !b.dataset.on.split(" ").includes(shelf) || (b.dataset.with && !row.matches(b.dataset.with));
    const box = button.getBoundingClientRect();
    list.showPopover();
    list.style.left = `${Math.max(8, Math.min(box.left, innerWidth - list.offsetWidth - 8))}px`;
    list.style.top = `${Math.min(box.bottom + 4, innerHeight - list.offsetHeight - 8)}px`;
    $("li:not([hidden]) button", list).focus();
  }

  const id = () => row.dataset.id, back = () => dots?.isConnected && dots.focus();
  const save = (form) => { location.href = `export/${encodeURIComponent(id())}.${form}`; back(); };
  const does = {
    rename: (trigger) => lt.field(row, $("a", row).textContent, $("#thread-menu").dataset.title, 200,
      (title) => title && trigger("rename", { id: id(), title }), back),
    tags: (trigger) => lt.field(row, row.dataset.tags, $("#thread-menu").dataset.tags, 500,
      (tags) => trigger("tags", { id: id(), tags }), back),
    pin: (trigger) => (trigger("pin", { id: id(), on: true }), back()),
    unpin: (trigger) => (trigger("pin", { id: id(), on: false }), back()),
    archive: (trigger) => trigger("archive", { id: id() }),
    restore: (trigger) => trigger("restore", { id: id() }),
    export: () => save("md"),
    json: () => save("json"),
    trash: (trigger) => { undo(trigger, id()); trigger("trash", { id: id() }); },
    remove: () => {
      const dialog = $("#thread-remove");
      $("b", dialog).textContent = `“${$("a", row).textContent}”`;
      dialog.returnValue = "";
      dialog.showModal();
    },
  };

  let ends = 0;
  function undo(trigger, gone) {
    const bar = $("#thread-undo"), button = document.createElement("button");
    const end = () => { clearTimeout(ends); bar.replaceChildren(); };
    Object.assign(button, { type: "button", textContent: bar.dataset.undo });
    button.onclick = () => { trigger("restore", { id: gone }); end(); };
    bar.replaceChildren(bar.dataset.text, " ", button);
    clearTimeout(ends);
    ends = setTimeout(end, UNDO);
    button.focus();
  }

  // The newest question wins: what comes for an older one is dropped.
  let asked = 0;
  async function search(input) {
    const mine = ++asked, q = input.value.trim(), found = $("#thread-found");
    if (q) await new Promise((go) => setTimeout(go, PAUSE));
    if (mine !== asked) return;
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
    const answer = q && (await fetch(`found?${new URLSearchParams({ q, zone })}`).then((r) => r.ok && r.text(), () => false));
    if (mine !== asked) return;
    found.innerHTML = answer === false ? '<p class="empty" role="status"></p>' : answer;
    if (answer === false) $(".empty", found).textContent = found.dataset.away;
    found.hidden = !q;
    $("#threads").hidden = Boolean(q);
  }

  // To the message that was found, once it is drawn.
  function seek(mark) {
    const until = performance.now() + 10000;
    (function again() {
      const row = $(`#chat .lt-m-${mark}`)?.closest(".message-row");
      if (!row) return performance.now() < until && setTimeout(again, 200);
      setTimeout(() => { lt.hold(); row.scrollIntoView({ block: "center" }); row.classList.add("lt-found"); dispatchEvent(new Event("wheel")); }, 400);
    })();
  }

  function keys(e) {
    const list = $("#thread-menu");
    if (e.target.id === "thread-search" && e.key === "Escape" && e.target.value) {
      e.target.value = "";
      e.stopPropagation();
      search(e.target);
    }
    if (list.contains(e.target) && e.key === "Escape") { list.hidePopover(); back(); e.stopPropagation(); return; }
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (!step) return;
    const inside = list.contains(e.target);
    const all = [...(inside ? list.querySelectorAll("li:not([hidden]) button")
      : document.querySelectorAll("#thread-search, #thread-found:not([hidden]) a, #threads:not([hidden]) li > a"))];
    const at = all.indexOf(e.target.closest(".dots") ? $("a", e.target.closest("li")) : e.target);
    if (at < 0) return;
    e.preventDefault();
    (all[at + step] ?? (inside ? all.at(step > 0 ? 0 : -1) : e.target)).focus();
  }

  addEventListener("keydown", (e) => {
    if (!(e.ctrlKey || e.metaKey) || e.shiftKey || e.altKey || e.key.toLowerCase() !== "k") return;
    e.preventDefault();
    if (matchMedia("(max-width: 1000px)").matches) lt.drawer("left");
    $("#thread-search")?.select();
    $("#thread-search")?.focus();
  });
  addEventListener("popstate", () => open(thread()));
  threads.open = (id) => { lt.url(id, true); lt.drawer(""); open(id); };
  return threads;
})();
