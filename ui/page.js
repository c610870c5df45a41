// The little that Gradio cannot do: clicks on our own HTML, the address bar, the drawers, scroll anchoring,
// names, and what is away.
window.lt = (() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  let open = () => {};
  let row = null; // the thread whose menu or dialog is open

  // A click on anything with data-do="event" triggers that event with the element's data.
  const wire = (element, trigger) => element.addEventListener("click", (e) => {
    const target = e.target.closest("[data-do]");
    if (!target || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
    e.preventDefault();
    if (target.dataset.do === "open") url(target.dataset.id, true);
    if (target.dataset.do !== "more" && target.dataset.do !== "older") drawer("");
    trigger(target.dataset.do, { ...target.dataset });
  });

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

  function url(thread, push) {
    const address = thread ? `?thread=${encodeURIComponent(thread)}` : location.pathname;
    if ((new URLSearchParams(location.search).get("thread") || "") !== thread) history[push ? "pushState" : "replaceState"](null, "", address);
  }

  function drawer(side) {
    document.body.dataset.drawer = side;
    for (const b of document.querySelectorAll("[data-drawer]")) b.setAttribute?.("aria-expanded", b.dataset.drawer === side);
  }

  // What stands behind the page: asked now and then, more often while something is away, never for a hidden tab.
  const KEPT = "What you type is kept; this page goes on by itself.";
  const AWAY = {
    "": "",
    server: `The server is not answering. ${KEPT}`,
    database: `The database is not answering. ${KEPT}`,
    model: "The model is not answering. What you send is kept; it is asked again in a few seconds.",
  };
  async function missing() {
    try {
      const answer = await fetch("readyz", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      const told = await answer.json().catch(() => ({})); // a proxy may speak for the server
      for (const what of ["database", "model"]) if (told[what] === "unavailable") return what;
      return answer.status >= 500 ? "server" : "";
    } catch { return "server"; }
  }

  function away(element, trigger) {
    const line = $("[role=status]", element);
    let before = "", looking = false, timer = 0;
    async function look() {
      if (looking || document.hidden) return;
      clearTimeout(timer);
      looking = true;
      const now = await missing();
      looking = false;
      if (now !== before) line.textContent = AWAY[now];
      if (before && !now) trigger("back", {});
      before = now;
      timer = setTimeout(look, now ? 1000 : 5000);
    }
    document.addEventListener("visibilitychange", look);
    look();
  }

  // For a moment after something is drawn: keep the reader's place (older messages come above it), or go to the newest.
  let place = 0;
  function keep(below) {
    const mine = ++place, log = $("#chat [role=log]"), until = performance.now() + 1200;
    const from = below ?? log.scrollHeight - log.scrollTop;
    (function again() {
      if (mine !== place || performance.now() > until) return;
      log.scrollTop = log.scrollHeight - from;
      requestAnimationFrame(again);
    })();
  }
  const hold = () => keep(), follow = () => keep(0);
  for (const touch of ["wheel", "touchmove", "pointerdown", "keydown"]) addEventListener(touch, () => place++, { passive: true });

  addEventListener("popstate", () => open(new URLSearchParams(location.search).get("thread") || ""));
  addEventListener("keydown", (e) => e.key === "Escape" && drawer(""));
  addEventListener("click", (e) => {
    const side = e.target.closest?.("button[data-drawer]")?.dataset.drawer;
    if (side) drawer(document.body.dataset.drawer === side ? "" : side);
    else if (document.body.dataset.drawer && !e.target.closest?.("#left, #right, dialog, menu")) drawer("");
  });
  // Names for Gradio's icon buttons; and no reading aloud word by word.
  new MutationObserver(() => {
    const stop = $("#composer .stop-button"), log = $("#chat [role=log]");
    stop?.setAttribute("aria-label", "Stop");
    $("#composer .submit-button")?.setAttribute("aria-label", "Send");
    log?.setAttribute("aria-busy", Boolean(stop));
    for (const r of document.querySelectorAll("#chat .message-row")) r.classList.toggle("lt-row", !!$(".lt-note", r)); // :has() is slow here
    $("#chat")?.classList.toggle("writing", Boolean(stop));
    const heading = $("#heading h1")?.textContent, title = heading === "New chat" ? "Longthread" : `${heading} · Longthread`;
    if (heading && title !== document.title) document.title = title;
  }).observe(document.documentElement, { childList: true, subtree: true });
  return { wire, threads, away, url, hold, follow };
})();
