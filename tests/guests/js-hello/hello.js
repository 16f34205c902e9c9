// The smallest useful guest in JavaScript: one constant answer.
addEventListener("fetch", (event) => {
  event.respondWith(new Response("Hello from wasmCloud!\n", { headers: { "content-type": "text/plain" } }));
});
