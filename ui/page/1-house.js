// The little that Gradio cannot do: clicks on our own HTML, the address bar, the drawers. Each panel adds its own.
window.lt = (() => {
  const $ = (selector, root = document) => root.querySelector(selector);

  // A click on anything with data-do="event" triggers that event with the element's data.
  const wire = (element, trigger) => element.addEventListener("click", (e) => {
    const target = e.target.closest("[data-do]");
    if (!target || e.ctrlKey || e.metaKey || e.shiftKey || e.button) return;
    e.preventDefault();
    if (target.dataset.do === "open") url(target.dataset.id, true);
    if (!["more", "older", "view", "whole"].includes(target.dataset.do)) drawer(""); // those show more of the same side
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

  // The buttons of a list: arrows go from one to the next, and the one in use is so again after a drawing.
  function list(element, buttons) {
    let used = "";
    const all = () => [...element.querySelectorAll(buttons)], of = (e) => all().find((b) => b.parentNode.contains(e.target));
    element.addEventListener("keydown", (e) => {
      const every = all(), at = every.indexOf(of(e));
      const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: every.length - 1 }[e.key];
      if (at < 0 || to === undefined || e.target.tagName === "INPUT") return;
      e.preventDefault();
      every[to]?.focus();
    });
    document.addEventListener("focusin", (e) => used = of(e)?.dataset.id ?? "");
    document.addEventListener("pointerdown", (e) => { if (!element.contains(e.target)) used = ""; });
    new MutationObserver(() => {
      if (used && document.activeElement === document.body) all().find((b) => b.dataset.id === used)?.focus({ preventScroll: true });
    }).observe(element, { childList: true, subtree: true });
  }

  // A field in the place of what a row shows: what is typed goes to `done`, but for Escape; then the focus goes `back`.
  function field(row, value, name, maxLength, done, back) {
    const input = document.createElement("input");
    Object.assign(input, { value, maxLength, placeholder: name });
    input.setAttribute("aria-label", name);
    const end = (text) => {
      input.onblur = null;
      input.remove();
      row.classList.remove("renaming");
      if (text !== null && text !== value) done(text);
      back();
    };
    input.onkeydown = (e) => {
      if (e.key !== "Enter" && e.key !== "Escape") return;
      e.preventDefault(); // nor is the button pressed that has the focus next
      e.stopPropagation(); // nor the drawer closed
      end(e.key === "Enter" ? input.value.trim() : null);
    };
    input.onblur = () => setTimeout(() => input.isConnected && end(input.value.trim())); // a drawing takes it away, too
    row.classList.add("renaming");
    row.append(input);
    input.select();
    return input;
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
  return { $, wire, thread, url, drawer, list, field, bell, ring: (event) => ring(event) };
})();
