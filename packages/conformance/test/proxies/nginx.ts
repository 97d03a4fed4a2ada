import { findOrInstall } from "../../../../examples/common/test/find-or-install.ts";
import { adapt, documentedConfig } from "./documented-config.ts";
import type { Place, Proxy, Settings } from "./proxy.ts";

const program = findOrInstall("nginx");

/** Completes the configuration from the documentation. One process, so that killing it leaves none behind. */
export const completeConfig = ({ folder }: Place, http: string): string => `
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

const compression = ({ gzip = false }: Settings): string =>
  gzip ? "gzip on; gzip_types text/event-stream; gzip_proxied any; gzip_min_length 0;" : "";

const readTimeout = ({ timeout }: Settings): string =>
  timeout === undefined ? "" : `proxy_read_timeout ${timeout}s;`;

const args = (file: string): string[] => ["-c", file];

export const plainNginx: Proxy = {
  name: "nginx with proxy_pass alone",
  program,
  args,
  configure: (place, settings) =>
    completeConfig(
      place,
      compression(settings) +
        readTimeout(settings) +
        adapt(documentedConfig("nginx alone"), [
          ["listen 80;", `listen 127.0.0.1:${place.port}; listen 127.0.0.1:${place.tlsPort};`],
          ["127.0.0.1:3000", `127.0.0.1:${place.service}`],
        ]),
    ),
  respectsNoTransform: false,
  http2: false,
};

export const nginx: Proxy = {
  name: "nginx",
  program,
  args,
  configure: (place, settings) =>
    completeConfig(
      place,
      compression(settings) +
        adapt(documentedConfig("nginx"), [
          ["listen 80;", `listen 127.0.0.1:${place.port};`],
          ["listen 443 ", `listen 127.0.0.1:${place.tlsPort} `],
          ["/etc/ssl/example.com.crt", place.certificate],
          ["/etc/ssl/example.com.key", place.key],
          ["127.0.0.1:3000", `127.0.0.1:${place.service}`],
          ["proxy_read_timeout 60s;", readTimeout({ timeout: 60, ...settings })],
        ]),
    ),
  respectsNoTransform: false,
  http2: true,
};

/**
 * Two servers that get requests in turn.
 *
 * @param option what each of them has instead of `max_fails=0`
 */
export const twoServerNginx = (ports: readonly [number, number], option = "max_fails=0"): Proxy => ({
  ...plainNginx,
  configure: (place) =>
    completeConfig(
      place,
      adapt(documentedConfig("nginx two-servers"), [
        ["listen 80;", `listen 127.0.0.1:${place.port}; listen 127.0.0.1:${place.tlsPort};`],
        ["127.0.0.1:3000", `127.0.0.1:${ports[0]}`],
        ["127.0.0.1:3001", `127.0.0.1:${ports[1]}`],
        ["max_fails=0", option],
      ]),
    ),
});
