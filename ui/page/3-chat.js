// The chat: where it is scrolled to, the buttons of messages, drafts, names for Gradio's icon buttons, and no
// reading aloud word by word.
Object.assign(lt, (() => {
  const { $ } = lt;

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
  const hold = () => keep(), follow = () => { reading = false; keep(0); };
  for (const touch of ["wheel", "touchmove", "pointerdown", "keydown"]) addEventListener(touch, () => place++, { passive: true });

  // Who reads above is left there: Gradio pulls back whoever is less than 100 px up while an answer grows.
  let reading = false;
  const settle = (log) => setTimeout(() => { reading = log.scrollHeight - log.clientHeight - log.scrollTop > 30; }, 400);
  const UP = ["PageUp", "ArrowUp", "Home"], MOVES = [...UP, "PageDown", "ArrowDown", "End", " "];
  function moved(e) {
    const log = $("#chat [role=log]");
    if (!(e.target instanceof Node)) return;
    if (e.target.closest?.(".scroll-down-button-container")) reading = false;
    else if (!log?.contains(e.target) || (e.type === "keydown" && !MOVES.includes(e.key))) return;
    else if (e.deltaY > 0 || e.type === "touchend" || e.type === "pointerup" || (e.key && !UP.includes(e.key))) settle(log);
    else if (e.type !== "pointerdown" || e.target === log) reading = true; // pointerdown: its bar
  }
  for (const touch of ["wheel", "touchmove", "touchend", "pointerdown", "pointerup", "keydown"]) addEventListener(touch, moved, { passive: true });
  function held(log) {
    const scroll = log.scrollTo.bind(log);
    log.scrollTo = (...to) => reading || scroll(...to);
  }

  // A message ends with the signs of what can be done with it, which become buttons here.
  let signs = {};
  function buttons() {
    const named = $("#heading h1")?.dataset;
    for (const m of named ? document.querySelectorAll("#chat .lt-m:not(.lt-on)") : []) {
      const can = m.className.match(/lt-can-(\w+)/)?.[1] ?? "";
      m.classList.add("lt-on");
      m.prepend(...Object.entries(signs).filter(([, sign]) => can.includes(sign)).map(([kind]) =>
        Object.assign(document.createElement("button"), { type: "button", className: `lt-do lt-do-${kind}`, title: named[`do_${kind}`] })));
    }
  }

  // A button of a message triggers its event with the mark of the message that it is in.
  function acts(element, trigger, made) {
    signs = made;
    buttons();
    document.addEventListener("click", (e) => {
      const button = e.target.closest?.("#chat .lt-do"), of = button?.closest(".lt-m")?.className.match(/lt-m-(\w+)/);
      const kind = button?.className.match(/lt-do-(\w+)/)?.[1];
      if (!of || button.classList.contains("lt-end")) return;
      if (kind === "copy") button.classList.add("lt-done"), setTimeout(() => button.classList.remove("lt-done"), 1500);
      trigger(kind, { mark: of[1] });
    });
  }
  async function copied(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const box = Object.assign(document.createElement("textarea"), { value: text }); // a page without https
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }

  // What is typed and not sent is kept in this browser, a text a thread.
  const box = () => $("#composer textarea"), name = (id) => `longthread draft ${id}`;
  function put(text) {
    if (!box() || box().value === text) return;
    box().value = text;
    box().dispatchEvent(new Event("input", { bubbles: true }));
  }
  const draft = (id) => put(localStorage.getItem(name(id)) || "");
  function write() {
    requestAnimationFrame(() => { box()?.focus(); box()?.setSelectionRange(box().value.length, box().value.length); });
  }
  let typedIn = ""; // the thread whose draft was saved last
  document.addEventListener("input", (e) => {
    if (e.target !== box() || !e.isTrusted) return;
    typedIn = lt.thread();
    if (e.target.value) localStorage.setItem(name(typedIn), e.target.value);
    else localStorage.removeItem(name(typedIn));
  });
  // For this tab's next page, whatever becomes of the drafts meanwhile.
  const save = () => { if (box()?.value) sessionStorage.setItem(name(lt.thread()), box().value); };
  function kept(id) {
    const text = sessionStorage.getItem(name(id));
    sessionStorage.removeItem(name(id));
    if (text) put(text); else draft(id);
  }
  const sent = () => { if (!box()?.value) localStorage.removeItem(name(typedIn)); };
  addEventListener("popstate", () => draft(lt.thread()));
  let fresh = true; // the page was just loaded

  new MutationObserver(() => {
    const stop = $("#composer .stop-button"), log = $("#chat [role=log]"), heading = $("#heading h1");
    if (log && !Object.hasOwn(log, "scrollTo")) held(log);
    for (const t of document.querySelectorAll(".toast-header[role]")) t.removeAttribute("role"), t.removeAttribute("tabindex"); // it holds a button
    for (const b of document.querySelectorAll("#chat [role=button] button")) b.inert = true; // as does a folded tool: the row is the button
    stop?.setAttribute("aria-label", heading?.dataset.stop || "Stop");
    $("#composer .submit-button")?.setAttribute("aria-label", heading?.dataset.send || "Send");
    log?.setAttribute("aria-busy", Boolean(stop));
    for (const r of document.querySelectorAll("#chat .message-row")) r.classList.toggle("lt-row", !!$(".lt-note", r)); // :has() is slow here
    $("#chat")?.classList.toggle("writing", Boolean(stop));
    for (const m of document.querySelectorAll("#chat [data-testid=user], #chat [data-testid=bot]")) { // there Gradio repeats all of it
      const who = heading?.dataset[m.dataset.testid === "user" ? "you" : "answer"];
      if (who && m.getAttribute("aria-label") !== who) m.setAttribute("aria-label", who), m.setAttribute("role", "group");
    }
    buttons();
    if (fresh && box()) fresh = false, kept(lt.thread());
    const title = !heading || "new" in heading.dataset ? "Longthread" : `${heading.textContent} · Longthread`;
    if (title !== document.title) document.title = title;
  }).observe(document.documentElement, { childList: true, subtree: true });
  return { hold, follow, acts, copied, draft, save, put, sent, write };
})());
