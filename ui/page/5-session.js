// A session that has ended: the draft is kept in this tab, and the page goes to the sign-in and back.
(() => {
  const box = () => document.querySelector("#composer textarea");
  const DRAFT = "lt-draft", fetched = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await fetched(...asked);
    if (answer.status === 401 && new URL(answer.url, location.href).pathname.startsWith("/gradio_api/")) ended();
    return answer;
  };
  let leaving = false; // by "Sign out": what is refused on the way needs no word
  addEventListener("submit", (e) => { leaving ||= e.target.getAttribute("action") === "/sign-out"; });
  function ended() {
    if (leaving) return;
    leaving = true;
    const text = box()?.value;
    if (text) sessionStorage.setItem(DRAFT, text);
    location.replace(`/sign-in?said=ended&next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const returned = new MutationObserver(() => {
    const field = box();
    if (!field) return;
    returned.disconnect();
    const text = sessionStorage.getItem(DRAFT);
    sessionStorage.removeItem(DRAFT);
    if (!text || field.value) return;
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
  if (sessionStorage.getItem(DRAFT)) returned.observe(document.documentElement, { childList: true, subtree: true });
})();
