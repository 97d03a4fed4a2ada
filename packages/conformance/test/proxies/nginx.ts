import { findOrInstall } from "../../../../examples/common/test/find-or-install.ts";
import { adapt, shown } from "./page.ts";
import type { Place, Proxy, Settings } from "./proxy.ts";

const program = findOrInstall("nginx");

/** What is around the part that the page shows. One process, which leaves nobody behind when it is killed. */
export const around = ({ folder }: Place, http: string): string => `
  daemon off;
  master_process off;
  pid ${folder}/pid;
  error_log stderr;
  events {}
  http {
    access_log off;
    client_body_temp_path ${folder}/body;
    proxy_temp_path ${folder}/proxy;
    fastcgi_temp_path ${folder}/fastcgi;
    uwsgi_temp_path ${folder}/uwsgi;
    scgi_temp_path ${folder}/scgi;
    ${http}
  }`;

const zipping = ({ gzip = false }: Settings): string =>
  gzip ? "gzip on; gzip_types text/event-stream; gzip_proxied any; gzip_min_length 0;" : "";

const silence = ({ timeout }: Settings): string =>
  timeout === undefined ? "" : `proxy_read_timeout ${timeout}s;`;

const args = (file: string): string[] => ["-c", file];

export const alone: Proxy = {
  name: "nginx with proxy_pass alone",
  program,
  args,
  configure: (place, settings) =>
    around(
      place,
      zipping(settings) +
        silence(settings) +
        adapt(shown("nginx alone"), [
          ["listen 80;", `listen 127.0.0.1:${place.port}; listen 127.0.0.1:${place.tlsPort};`],
          ["127.0.0.1:3000", `127.0.0.1:${place.app}`],
        ]),
    ),
  sparesNoTransform: false,
  http2: false,
};

export const nginx: Proxy = {
  name: "nginx",
  program,
  args,
  configure: (place, settings) =>
    around(
      place,
      zipping(settings) +
        adapt(shown("nginx"), [
          ["listen 80;", `listen 127.0.0.1:${place.port};`],
          ["listen 443 ", `listen 127.0.0.1:${place.tlsPort} `],
          ["/etc/ssl/example.com.crt", place.certificate],
          ["/etc/ssl/example.com.key", place.key],
          ["127.0.0.1:3000", `127.0.0.1:${place.app}`],
          ["proxy_read_timeout 60s;", silence({ timeout: 60, ...settings })],
        ]),
    ),
  sparesNoTransform: false,
  http2: true,
};
