import http from "node:http";

/** What a careful site would set: its own scripts and this one server's, no inline code, no strings that become code. */
const policy = (server) =>
  `default-src 'none'; script-src 'self' ${server}; connect-src ${server} ${server.replace("http", "ws")}; img-src data:; ` +
  "base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const KINDS = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8" };

/**
 * Somebody else's site: a few files at an origin of its own, on another host name than the server's.
 * @param {Record<string, string>} files  by name
 * @param {() => string} server           the origin of Parley's
 */
export function startSite(files, server) {
  const site = http.createServer((request, response) => {
    const name = request.url.slice(1);
    if (!(name in files)) return response.writeHead(404).end();
    response.setHeader("Content-Security-Policy", policy(server()));
    response.setHeader("Content-Type", KINDS[name.split(".").at(-1)]);
    response.end(files[name].replaceAll("https://call.example.org", server()));
  });
  return new Promise((done) => site.listen(0, "127.0.0.1", () => done({
    url: `http://127.0.0.1:${site.address().port}`,
    stop: () => new Promise((closed) => {
      site.close(closed);
      site.closeAllConnections();
    }),
  })));
}
