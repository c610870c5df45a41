// The little that Gradio cannot do: clicks on our own HTML, the address bar, the drawers. Each panel adds its own.
window.lt = (() => {
  const $ = (selector, root = document) => root.querySelector(selector);

  // A click on anything with data-do="event" triggers that event with the element's data.
  const wire = (element, trigger) => element.addEventListener("click", (e) => {
    const target = e.target.closest("[data-do]");
    if (!target || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
    e.preventDefault();
    if (target.dataset.do === "open") url(target.dataset.id, true);
    if (!["more", "older", "view"].includes(target.dataset.do)) drawer(""); // those show more of the same side
    trigger(target.dataset.do, { ...target.dataset });
  });

  const thread = () => new URLSearchParams(location.search).get("thread") || "";

  function url(id, push) {
    const address = id ? `?thread=${encodeURIComponent(id)}` : location.pathname;
    if (thread() !== id) history[push ? "pushState" : "replaceState"](null, "", address);
    dispatchEvent(new Event("lt-url"));
    if (push) lt.draft(id);
  }

  function drawer(side) {
    document.body.dataset.drawer = side;
    for (const b of document.querySelectorAll("[data-drawer]")) b.setAttribute?.("aria-expanded", b.dataset.drawer === side);
  }

  // Who rings before the bell is there is heard when it is.
  let early = [], ring = (event) => early.push(event);
  function bell(trigger) {
    ring = (event) => trigger(event, {});
    early.splice(0).forEach(ring);
  }

  addEventListener("keydown", (e) => e.key === "Escape" && drawer(""));
  addEventListener("click", (e) => {
    const side = e.target.closest?.("button[data-drawer]")?.dataset.drawer;
    if (side) drawer(document.body.dataset.drawer === side ? "" : side);
    else if (document.body.dataset.drawer && !e.target.closest?.("#left, #right, dialog, menu")) drawer("");
  });
  return { $, wire, thread, url, drawer, bell, ring: (event) => ring(event) };
})();
