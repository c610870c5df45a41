// What stands behind the page: asked now and then, more often while something is away, never for a hidden tab.
lt.away = (() => {
  const { $ } = lt;

  async function missing() {
    try {
      const answer = await fetch("readyz", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      const told = await answer.json().catch(() => ({})); // a proxy may speak for the server
      for (const what of ["database", "model"]) if (told[what] === "unavailable") return what;
      return answer.status >= 500 ? "server" : "";
    } catch { return "server"; }
  }

  return (element, trigger) => {
    let before = "", looking = false, timer = 0;
    async function look() {
      if (looking || document.hidden) return;
      clearTimeout(timer);
      looking = true;
      const now = await missing();
      looking = false;
      const line = $("[role=status]", element);
      if (line && now !== before) line.textContent = now && line.dataset[now];
      if (before && !now) trigger("back", {});
      before = now;
      timer = setTimeout(look, now ? 1000 : 5000);
    }
    document.addEventListener("visibilitychange", look);
    look();
  };
})();
