// Answers requests as a service worker does.

function handle(request: Request): Response {
  const { pathname } = new URL(request.url);
  if (pathname !== "/") {
    return new Response(`Nothing at ${pathname}\n`, { status: 404 });
  }
  return new Response("Hello from wasmCloud!\n", { headers: { "content-type": "text/plain" } });
}

addEventListener("fetch", (event: Event) => {
  const call = event as FetchEvent;
  call.respondWith(handle(call.request));
});
