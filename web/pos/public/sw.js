// The shell of the till starts without a network. What the till asks of the server is never answered from here.
const shell = 'heliu-pos-shell';

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(shell).then((cache) => cache.add('/pos/')));
  self.skipWaiting();
});
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== 'GET' || origin !== self.location.origin || pathname.startsWith('/pos/api')) return;
  if (event.request.mode === 'navigate') event.respondWith(fresh('/pos/'));
  // Files are named by their content: one that is here never changes.
  else if (pathname.startsWith('/pos/assets/')) event.respondWith(kept(event.request));
});

async function fresh(path) {
  const cache = await caches.open(shell);
  try {
    const answer = await fetch(path);
    if (answer.ok) await cache.put(path, answer.clone());
    return answer;
  } catch (error) {
    const known = await cache.match(path);
    if (known) return known;
    throw error;
  }
}

async function kept(request) {
  const cache = await caches.open(shell);
  const known = await cache.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}
