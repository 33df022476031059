// Runs before everything else.

// Trusted Types: the page's policy demands that markup and script addresses go through here. The app's own markup is
// literal; the list below is a second line of defence, not a sanitiser.
if (window.trustedTypes) {
  const refused = /<\s*(script|iframe|style|meta|base|form|object|embed)|\son\w+\s*=|javascript:/i;
  const scripts = ["/haven-worker_loader.js", "/sw.js"];
  trustedTypes.createPolicy("default", {
    createHTML(html) {
      if (refused.test(html)) throw new TypeError("markup refused");
      return html;
    },
    createScriptURL(address) {
      const url = new URL(address, location.href);
      if (url.origin !== location.origin || !scripts.includes(url.pathname) || url.search) throw new TypeError("script refused");
      return url.href;
    },
    createScript() {
      throw new TypeError("script refused");
    },
  });
}

// The chosen colours, before the first paint.
try {
  const theme = localStorage.getItem("haven.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: the system's colours do.
}
