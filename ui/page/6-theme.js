// Light or dark: as the system has it, which Gradio sees to, or as was chosen in this browser.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => /(?:^|; )longthread_theme=(light|dark)/.exec(document.cookie)?.[1];
  const wear = (name) => document.body.classList.toggle("dark", name === "dark");

  addEventListener("change", (e) => {
    if (!e.target.matches?.("#theme select")) return;
    document.cookie = `longthread_theme=${e.target.value}; path=/; max-age=31536000; samesite=lax`;
    wear(chosen() ?? (system.matches ? "dark" : "light"));
  });
  const keep = () => chosen() && wear(chosen());
  new MutationObserver(keep).observe(document.body, { attributeFilter: ["class"] });
  keep();
})();
