// The chat: where it is scrolled to, names for Gradio's icon buttons, and no reading aloud word by word.
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
  const hold = () => keep(), follow = () => keep(0);
  for (const touch of ["wheel", "touchmove", "pointerdown", "keydown"]) addEventListener(touch, () => place++, { passive: true });

  new MutationObserver(() => {
    const stop = $("#composer .stop-button"), log = $("#chat [role=log]"), heading = $("#heading h1");
    stop?.setAttribute("aria-label", heading?.dataset.stop || "Stop");
    $("#composer .submit-button")?.setAttribute("aria-label", heading?.dataset.send || "Send");
    log?.setAttribute("aria-busy", Boolean(stop));
    for (const r of document.querySelectorAll("#chat .message-row")) r.classList.toggle("lt-row", !!$(".lt-note", r)); // :has() is slow here
    $("#chat")?.classList.toggle("writing", Boolean(stop));
    const title = !heading || "new" in heading.dataset ? "Longthread" : `${heading.textContent} · Longthread`;
    if (title !== document.title) document.title = title;
  }).observe(document.documentElement, { childList: true, subtree: true });
  return { hold, follow };
})());
