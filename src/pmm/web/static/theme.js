// Before anything is painted: the theme that was chosen in this browser. "system" is no choice.
(() => {
  let theme = "system";
  try {
    theme = localStorage.getItem("pmm-theme") || "system";
  } catch {}
  if (theme !== "system") document.documentElement.dataset.theme = theme;
})();
