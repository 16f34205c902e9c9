// Passes requests on to another server with `fetch`, and its answers back.

const SERVER = "https://httpbin.org";

// Headers that belong to one connection, and are not passed on (RFC 9110, 7.6.1).
const OF_A_CONNECTION = new Set([
  "connection",
  "content-length",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "transfer-encoding",
  "upgrade",
]);

function passedOn(headers: Headers): Headers {
  const kept = new Headers();
  headers.forEach((value, name) => {
    if (!OF_A_CONNECTION.has(name.toLowerCase())) kept.append(name, value);
  });
  return kept;
}

async function handle(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  const hasBody = request.method !== "GET" && request.method !== "HEAD";
  try {
    const answer = await fetch(SERVER + pathname + search, {
      method: request.method,
      headers: passedOn(request.headers),
      body: hasBody ? await request.arrayBuffer() : undefined,
    });
    return new Response(answer.body, { status: answer.status, headers: passedOn(answer.headers) });
  } catch (error) {
    return new Response(`${SERVER}: ${error}\n`, { status: 502 });
  }
}

addEventListener("fetch", (event: Event) => {
  const call = event as FetchEvent;
  call.respondWith(handle(call.request));
});
