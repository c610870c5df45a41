// The summary in the Context panel: drawn here and not by Gradio, so that it stays under whoever is editing it.
Object.assign(lt, (() => {
  const { $ } = lt;
  let saved = () => {};

  function summary(element, trigger, props, watch) {
    let drawn = "", open = false, nth = 0; // the value that is shown; whether it is unfolded; the nth editing
    const it = (selector) => $(selector, element);
    const editing = () => it("details.editing");
    const draft = () => `longthread draft of summary ${it("details").dataset.thread}`;

    function draw() {
      const next = document.createElement("template");
      next.innerHTML = props.value || "";
      const thread = $("details", next.content)?.dataset.thread;
      if (props.value === drawn || (editing()?.dataset.thread === thread && $("form", next.content))) return;
      const at = element.contains(document.activeElement) && document.activeElement;
      drawn = props.value;
      element.replaceChildren(next.content);
      if (it("details")) it("details").open = open;
      if (at) (it(at.dataset.do ? `[data-do=${at.dataset.do}]` : at.localName) || $("#meter [role=meter]"))?.focus();
    }

    function edit() {
      const { of, text } = JSON.parse(localStorage.getItem(draft()) || "{}");
      it("textarea").value = of === it("details").dataset.id ? text : it(".text").textContent;
      show(true);
      nth++;
      it("textarea").focus();
    }
    function show(on) {
      it("details").classList.toggle("editing", on);
      it("form").hidden = !on;
    }
    function end() {
      localStorage.removeItem(draft());
      show(false);
      draw();
      it("[data-do=edit]")?.focus();
    }
    saved = (editingOf) => {
      if (!editing() || editingOf !== String(nth)) return; // told why: the words stay for another try
      it(".text").textContent = it("textarea").value.trim();
      end();
    };

    element.addEventListener("click", (e) => {
      const act = e.target.closest("[data-do]")?.dataset.do;
      if (act === "edit") return edit();
      if (act === "cancel") return end();
      if (act === "again") lt.drawer(""); // the chat says that it is under way
      if (act) trigger(act, {});
    });
    element.addEventListener("submit", (e) => {
      e.preventDefault();
      const text = it("textarea").value;
      if (text.trim() === it(".text").textContent.trim()) return end();
      trigger("edit", { text, of: it("details").dataset.id, editing: nth });
    });
    element.addEventListener("input", (e) => {
      localStorage.setItem(draft(), JSON.stringify({ of: it("details").dataset.id, text: e.target.value }));
    });
    element.addEventListener("keydown", (e) => {
      if (e.target !== it("textarea") || e.isComposing) return;
      if (e.key === "Escape") { e.stopPropagation(); end(); }
      if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) it("form").requestSubmit();
    });
    element.addEventListener("toggle", (e) => { open = e.target.open; }, true);
    watch("value", draw);
    draw();
  }
  return { summary, saved: (editing) => saved(editing) };
})());
