// Completes what is typed into the search box: an ARIA 1.2 combobox over a plain form.
// Without this file, or where a request fails, the form works as it is.
"use strict";

(() => {
  const DELAY = 120; // ms of silence before asking: between two keys of a quick typist
  const LIMIT = 8;
  const KINDS = { title: "статья", category: "раздел" };

  const plural = (number, one, few, many) => {
    const tens = number % 100, units = number % 10;
    if (tens > 10 && tens < 15) return many;
    return units === 1 ? one : units > 1 && units < 5 ? few : many;
  };

  for (const form of document.querySelectorAll("form[data-suggest]")) {
    const box = form.querySelector("input[name=q]");
    const list = document.createElement("ul");
    const status = document.createElement("p");
    let typed = box.value; // what the reader typed, without any choice
    let active = -1;
    let timer = 0;
    let asking = null;

    list.id = `${box.id}-suggestions`;
    list.className = "suggestions";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Подсказки");
    status.className = "hidden";
    status.setAttribute("role", "status");
    form.append(list, status);
    for (const [name, value] of [
      ["role", "combobox"], ["aria-autocomplete", "list"], ["aria-haspopup", "listbox"],
      ["aria-controls", list.id], ["aria-expanded", "false"],
    ]) box.setAttribute(name, value);

    const choose = (number) => {
      list.children[active]?.setAttribute("aria-selected", "false");
      active = number;
      const option = list.children[active];
      if (!option) {
        box.removeAttribute("aria-activedescendant");
        box.value = typed;
        return;
      }
      option.setAttribute("aria-selected", "true");
      option.scrollIntoView({ block: "nearest" });
      box.setAttribute("aria-activedescendant", option.id);
      box.value = option.dataset.text;
    };

    const close = () => {
      clearTimeout(timer);
      asking?.abort();
      list.hidden = true;
      list.replaceChildren();
      active = -1;
      box.setAttribute("aria-expanded", "false");
      box.removeAttribute("aria-activedescendant");
      status.textContent = "";
    };

    const submit = ({ text, page }) => {
      box.value = text;
      close();
      if (page) location.assign(page); // an article, or a section: its articles need not have these words
      else form.requestSubmit();
    };

    const show = (suggestions) => {
      active = -1;
      box.removeAttribute("aria-activedescendant");
      list.replaceChildren(...suggestions.map(({ text, kind, url, corrected }, number) => {
        const option = document.createElement("li");
        option.id = `${list.id}-${number}`;
        option.dataset.text = text;
        if (url) option.dataset.page = url;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        const words = document.createElement("span");
        const same = text.toLowerCase().startsWith(typed.toLowerCase()) ? typed.length : 0;
        const rest = document.createElement(kind === "title" ? "span" : "b"); // a whole sentence in bold is loud
        rest.textContent = text.slice(same);
        words.append(text.slice(0, same), rest);
        option.append(words);
        const said = [KINDS[kind], corrected && "исправлено"].filter(Boolean).join(", ");
        if (said) {
          const label = document.createElement("span");
          label.className = "kind";
          label.textContent = said;
          option.append(" ", label);
        }
        return option;
      }));
      list.hidden = !suggestions.length;
      box.setAttribute("aria-expanded", String(!list.hidden));
      const number = suggestions.length;
      status.textContent = number
        ? `${number} ${plural(number, "подсказка", "подсказки", "подсказок")}: выбирайте стрелками вверх и вниз`
        : "Подсказок нет";
    };

    const ask = async () => {
      asking?.abort();
      const text = box.value.trimStart(); // a space at the end: the word before it is whole
      if (!text) return close();
      const mine = asking = new AbortController();
      try {
        const asked = new URLSearchParams({ q: text, limit: LIMIT });
        for (const kept of form.querySelectorAll("input[type=hidden]")) { // the filters the answer will have
          if (kept.name !== "sort") asked.append(kept.name, kept.value);
        }
        const answer = await fetch(`${form.dataset.suggest}?${asked}`, {
          signal: mine.signal,
          cache: "no-cache", // what was withdrawn is not to come from the browser; the ETag makes it cheap
          headers: { Accept: "application/json" },
        });
        const { suggestions } = answer.ok ? await answer.json() : { suggestions: [] };
        if (mine === asking && !mine.signal.aborted && document.activeElement === box) show(suggestions);
      } catch {
        if (mine === asking && !mine.signal.aborted) close(); // no network: the form is enough
      }
    };

    box.addEventListener("input", (event) => {
      typed = box.value;
      clearTimeout(timer);
      if (!event.isComposing) timer = setTimeout(ask, DELAY);
    });
    box.addEventListener("compositionend", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, DELAY);
    });
    box.addEventListener("blur", close);
    form.addEventListener("submit", close);

    box.addEventListener("keydown", (event) => {
      if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
      const number = list.children.length;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) return void ask();
        const step = event.key === "ArrowDown" ? 1 : -1;
        // One place more than there are options: the text as it was typed.
        choose(((active + 1 + step + number + 1) % (number + 1)) - 1);
      } else if (event.key === "Escape" && !list.hidden) {
        event.preventDefault(); // the first one closes the list, a second one empties the box
        box.value = typed;
        close();
      } else if (event.key === "Enter" && active >= 0) {
        event.preventDefault();
        submit(list.children[active].dataset);
      } else if (event.key === "Tab") {
        close();
      }
    });

    list.addEventListener("pointerdown", (event) => event.preventDefault()); // the box keeps the focus
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) submit(option.dataset);
    });
  }
})();
