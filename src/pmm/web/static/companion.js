// What the page does without asking the server: keys, focus, theme, sheets, following the end of the chat, and being offline.
(() => {
  const root = document.documentElement;
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const kept = (name, otherwise) => {
    try {
      return localStorage.getItem(name) ?? otherwise;
    } catch {
      return otherwise;
    }
  };
  const keep = (name, value) => {
    try {
      localStorage.setItem(name, value);
    } catch {}
  };
  const layout = () => $(".nicegui-layout");
  const main = () => $(".main");

  // -- theme ---------------------------------------------------------------------------------------------------------------
  const THEMES = ["system", "light", "dark"];
  const dark = matchMedia("(prefers-color-scheme: dark)");
  function theme() {
    return kept("pmm-theme", "system");
  }
  function dress() {
    const chosen = theme();
    if (chosen === "system") delete root.dataset.theme;
    else root.dataset.theme = chosen;
    const isDark = chosen === "dark" || (chosen === "system" && dark.matches);
    window.Quasar?.Dark?.set(isDark);
    for (const button of $$("[data-theme]").filter((b) => b !== root)) {
      const label = `Theme: ${chosen}`;
      button.setAttribute("aria-label", label);
      button.setAttribute("title", label);
    }
  }
  dark.addEventListener("change", dress);

  // -- sheets and the inspector ---------------------------------------------------------------------------------------------
  let opener = null;
  const NARROW = matchMedia("(max-width: 1199.98px)");
  function openSide() {
    root.classList.add("side-open");
    $(".side")?.focus({ preventScroll: true });
  }
  function closeSide() {
    root.classList.remove("side-open");
    if (layout()?.classList.contains("inspecting")) emitEvent("pmm_close");
    opener?.isConnected && opener.focus({ preventScroll: true });
    opener = null;
  }
  function closeMore() {
    root.classList.remove("more-open");
    $("[data-more]")?.setAttribute("aria-expanded", "false");
  }
  function sideIsOpen() {
    return root.classList.contains("side-open") || layout()?.classList.contains("inspecting");
  }

  // -- clicks ----------------------------------------------------------------------------------------------------------------
  document.addEventListener("click", (e) => {
    const on = (selector) => e.target.closest?.(selector);
    let hit;
    if ((hit = on("[data-event]"))) {
      opener = hit.closest(".side") ? opener : hit;
      emitEvent("pmm_event", hit.dataset.event);
      wantsInspector = true;
      if (NARROW.matches) root.classList.add("side-open");
    } else if (on("[data-close]")) {
      closeSide();
    } else if ((hit = on("[data-side]"))) {
      opener = hit;
      root.classList.contains("side-open") ? closeSide() : openSide();
    } else if ((hit = on("button[data-theme]"))) {
      keep("pmm-theme", THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
      dress();
    } else if ((hit = on("[data-more]"))) {
      const open = root.classList.toggle("more-open");
      hit.setAttribute("aria-expanded", String(open));
      if (open) $(".rail a")?.focus();
    }
    if ((hit = on(".pager button"))) turning = { part: hit.closest(".part"), row: $("[data-row]", hit.closest(".part") ?? root) };
    if (on("a.page-link") || (!on("[data-more]") && !on(".rail"))) closeMore();
    if (on("a[href^='/']")) {
      arriving = true;
      if (NARROW.matches) root.classList.remove("side-open");
    }
    if ((hit = on(".prose a[href]")) && /^https?:/.test(hit.getAttribute("href"))) {
      e.preventDefault(); // a link that a model wrote: elsewhere, and nothing is told of this page
      window.open(hit.href, "_blank", "noopener,noreferrer");
    }
    if ((hit = on("a.skip"))) {
      e.preventDefault();
      main()?.focus();
    }
  });

  // -- arriving on a page: its title is read out, and it begins at its top ------------------------------------------------------
  let arriving = false;
  let wantsInspector = false;
  let title = null;
  window.addEventListener("popstate", () => (arriving = true));
  function arrived() {
    const now = $(".main h1");
    if (now && now !== title) {
      if (title !== null && arriving) {
        now.focus({ preventScroll: true });
        const scroller = main();
        if (scroller) scroller.scrollTop = 0;
      }
      title = now;
      arriving = false;
    }
    if (wantsInspector) {
      const opened = $("#inspector-title");
      if (opened) {
        wantsInspector = false;
        opened.focus({ preventScroll: true });
      }
    }
  }

  // -- another page of a list: its first row is looked at ----------------------------------------------------------------------
  let turning = null;
  function turned() {
    const first = turning?.part && $("[data-row]", turning.part);
    if (!first || first === turning.row) return;
    turning = null;
    first.focus({ preventScroll: true });
    first.scrollIntoView({ block: "nearest" });
  }

  // -- keys -------------------------------------------------------------------------------------------------------------------
  const singleKeys = () => kept("pmm-single-keys", "on") === "on";
  const isField = (el) => el?.closest?.("input:not([type=checkbox]):not([type=range]), textarea, select, [contenteditable]");
  const seen = (el) => el && el.getClientRects().length > 0;
  const press = (key) => {
    const button = $$(`[data-key="${CSS.escape(key)}"]`).find((b) => seen(b) && !b.disabled) || $(`.rail [data-key="${CSS.escape(key)}"]`);
    button?.click();
    return Boolean(button);
  };
  function row(by) {
    const rows = $$("[data-row]").filter(seen);
    if (!rows.length) return false;
    const at = rows.indexOf(document.activeElement?.closest?.("[data-row]"));
    const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  }
  const inRow = (selector) => {
    const rows = $$("[data-row]").filter(seen);
    const at = document.activeElement?.closest?.("[data-row]") || (main()?.querySelector(".turn") ? rows.at(-1) : null);
    return at && $(selector, at);
  };
  const openRow = () => (inRow(".when [data-event]") ?? inRow("[data-event]"))?.click() ?? true;
  function escape() {
    const dialog = $("dialog[open]");
    if (dialog) dialog.close();
    else if (root.classList.contains("more-open")) {
      closeMore();
      $("[data-more]")?.focus();
    }
    else if (sideIsOpen()) closeSide();
    else if (!press("Escape")) document.activeElement?.blur?.();
  }
  const KEYS = {
    "/": () => {
      const field = $$("[data-write], [data-search]").find((el) => seen(el) && !el.disabled);
      field?.focus();
      return Boolean(field);
    },
    j: () => row(1),
    k: () => row(-1),
    o: () => openRow(),
    m: () => inRow("[data-memory]")?.click() ?? true,
    w: () => openRow(),
    "?": () => $("#help")?.showModal() ?? true,
  };
  document.addEventListener("keydown", (e) => {
    if (e.isComposing || e.keyCode === 229) return;
    if (e.key === "Escape") {
      if ($("dialog[open]")) return; // the browser closes it
      escape();
      return;
    }
    if (e.ctrlKey || e.metaKey || e.altKey || isField(e.target) || !singleKeys() || $("dialog[open]")) return;
    if (e.target.type === "range" && e.key.startsWith("Arrow")) return;
    const done = KEYS[e.key] ? KEYS[e.key]() !== false : e.key.length === 1 && press(e.key);
    if (done) e.preventDefault();
  });
  document.addEventListener("change", (e) => {
    if (e.target.id === "single-keys") keep("pmm-single-keys", e.target.checked ? "on" : "off");
  });

  // -- the composer: a native field, read when it is sent ------------------------------------------------------------------------
  const DRAFT = () => `pmm-draft ${$("[data-write]")?.dataset.write}`; // of this mind and conversation
  window.pmmCarry = (name) => {
    const field = $("[data-write]"); // what is written already goes along to the conversation of that name
    if (field) sessionStorage.setItem(`pmm-draft ${field.dataset.write.split(" ")[0]} ${name}`, field.value);
    return name;
  };
  function grow(field) {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight, innerHeight * 0.4)}px`;
  }
  function send() {
    const field = $("[data-write]");
    if (!field || field.disabled || !field.value.trim()) return;
    if (root.classList.contains("offline-now")) return; // the draft stays
    const key = Math.random().toString(36).slice(2) + Date.now().toString(36);
    emitEvent("pmm_write", { text: field.value, key });
    field.value = "";
    sessionStorage.removeItem(DRAFT());
    grow(field);
    following = true;
  }
  window.pmmDraft = (text) => {
    const field = $("[data-write]");
    if (!field) return;
    field.value = text;
    sessionStorage.setItem(DRAFT(), text);
    grow(field);
    field.focus();
  };
  document.addEventListener("input", (e) => {
    if (!e.target.matches?.("[data-write]")) return;
    sessionStorage.setItem(DRAFT(), e.target.value);
    grow(e.target);
  });
  document.addEventListener("keydown", (e) => {
    if (!e.target.matches?.("[data-write]") || e.isComposing || e.keyCode === 229) return;
    if (e.key === "Enter" && !e.shiftKey && !e.ctrlKey && !e.altKey && !e.metaKey) {
      e.preventDefault();
      send();
    }
  });
  document.addEventListener("click", (e) => e.target.closest?.("[data-send]") && send());

  // -- following the end of the chat ------------------------------------------------------------------------------------------------
  let following = true;
  let field = null;
  const END = 48;
  function atEnd(scroller) {
    return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < END;
  }
  let turns = 0;
  let fresh = false; // something was said below, unseen
  function follow() {
    const scroller = main();
    if (!scroller || !$(".talk")) return;
    const now = $$(".talk .turn").length;
    if (following) scroller.scrollTop = scroller.scrollHeight;
    else if ((turns && now > turns) || $(".growing")) fresh = true;
    turns = now;
    tellBelow(scroller);
  }
  function tellBelow(scroller) {
    if (following || atEnd(scroller)) fresh = false;
    const below = $("[data-below]");
    if (below) below.hidden = !fresh;
  }
  document.addEventListener(
    "scroll",
    (e) => {
      if (e.target !== main() || !$(".talk")) return;
      following = atEnd(e.target);
      tellBelow(e.target);
    },
    true,
  );
  document.addEventListener("click", (e) => {
    if (!e.target.closest?.("[data-below]")) return;
    following = true;
    follow();
  });
  addEventListener("resize", follow);
  for (const name of ["offline", "online"])
    addEventListener(name, () => root.classList.toggle("offline-now", !navigator.onLine || document.getElementById("popup")?.ariaHidden === "false"));

  // -- everything that is drawn ---------------------------------------------------------------------------------------------------
  const sizes = new ResizeObserver(follow);
  let watched = null;
  new MutationObserver(() => {
    const write = $("[data-write]");
    if (write && write !== field) {
      field = write;
      following = true;
      const draft = sessionStorage.getItem(DRAFT());
      if (draft && !write.value) write.value = draft;
      grow(write);
      if (!NARROW.matches) write.focus({ preventScroll: true });
    }
    const transcript = $(".talk");
    if (transcript !== watched) {
      sizes.disconnect();
      if (transcript) sizes.observe(transcript);
      watched = transcript;
    }
    for (const wanted of $$("[data-focus]")) {
      delete wanted.dataset.focus;
      wanted.focus();
      wanted.select?.();
    }
    const box = $("#single-keys");
    if (box && !box.dataset.set) {
      box.checked = singleKeys();
      box.dataset.set = "1";
      dress();
    }
    arrived();
    turned();
    follow();
    const popup = document.getElementById("popup");
    root.classList.toggle("offline-now", popup?.getAttribute("aria-hidden") === "false" || !navigator.onLine);
  }).observe(document.body ?? root, { childList: true, subtree: true, attributes: true, attributeFilter: ["aria-hidden", "disabled"] });
})();
