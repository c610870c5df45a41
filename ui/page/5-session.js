// A session that has ended: the page goes to the sign-in and back. Who signs out leaves no draft behind.
(() => {
  const fetched = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await fetched(...asked);
    if (answer.status === 401 && new URL(answer.url, location.href).pathname.startsWith("/gradio_api/")) ended();
    return answer;
  };
  let leaving = false; // by "Sign out": what is refused on the way needs no word
  addEventListener("submit", (e) => {
    if (e.target.getAttribute("action") !== "/sign-out") return;
    leaving = true;
    for (const name of Object.keys(localStorage)) if (name.startsWith("longthread draft ")) localStorage.removeItem(name);
  });
  function ended() {
    if (leaving) return;
    leaving = true;
    lt.save(); // in this tab only: somebody may have signed out in another
    location.replace(`/sign-in?said=ended&next=${encodeURIComponent(location.pathname + location.search)}`);
  }
})();
