using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "server", worker = .server)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "server")],
);

const server :Workerd.Worker = (
  modules = [(name = "server.js", esModule = embed "server.js")],
  compatibilityDate = "2026-11-01",
  compatibilityFlags = ["enable_request_signal"],
  bindings = [
    (name = "ADAPTER", fromEnvironment = "ADAPTER"),
    (name = "SERVER", durableObjectNamespace = "Server"),
  ],
  durableObjectNamespaces = [(className = "Server", uniqueKey = "server")],
  durableObjectStorage = (inMemory = void),
);
