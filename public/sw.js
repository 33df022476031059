// Keeps the build's own files, so that Haven starts without a network. Nothing else: no messages, no replies of the relay.

// The build writes its name and its files into the next two lines; unstamped, as in development, nothing is kept.
const BUILD = "unstamped";
const FILES = [];

const CACHE = `haven-${BUILD}`;

self.addEventListener("install", (event) => {
  if (FILES.length) event.waitUntil(keep());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(forget());
});

// The page asks for this when the person chose to reload.
self.addEventListener("message", (event) => {
  if (event.data === "take-over") self.skipWaiting();
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (!FILES.length || event.request.method !== "GET" || url.origin !== location.origin) return;
  if (FILES.includes(url.pathname)) event.respondWith(kept(url.pathname, event.request));
  else if (event.request.mode === "navigate") event.respondWith(kept("/", event.request));
});

async function keep() {
  const cache = await caches.open(CACHE);
  // "reload" passes the HTTP cache by, which may still hold unhashed files of an older build.
  await cache.addAll(["/", ...FILES.filter((file) => file !== "/")].map((file) => new Request(file, { cache: "reload" })));
}

async function forget() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("haven-") && name !== CACHE).map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function kept(path, request) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}
