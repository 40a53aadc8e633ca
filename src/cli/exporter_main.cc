#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <string>

#include "anomaly_exporter/app/application.h"
#include "anomaly_exporter/cli/main.h"
#include "anomaly_exporter/core/clock.h"
#include "anomaly_exporter/core/logger.h"
#include "signals.h"
#include "version_text.h"

namespace anomaly_exporter::cli {

namespace {

constexpr const char* kDefaultAddress = "127.0.0.1:10097";

struct Flags {
  app::ApplicationOptions app;
  std::string web_config_file;
  std::string log_level = "info";
  std::string log_format = "logfmt";
};

void declare(CLI::App& cli, Flags& flags) {
  auto& server = flags.app.server;
  flags.app.config_file = "anomaly_exporter.yml";
  flags.app.storage_path = "data/";
  server.listen_addresses = {kDefaultAddress};
  server.route_prefix.clear();
  cli.add_option("--config.file", flags.app.config_file, "Configuration file.")
      ->capture_default_str();
  cli.add_option(
         "--web.listen-address", server.listen_addresses,
         "Address to serve on, host:port or :port; may be repeated. Port 0 takes a free one.")
      ->capture_default_str();
  cli.add_option(
      "--web.config.file", flags.web_config_file,
      "Not available in this version: TLS and basic auth of our own pages. Terminate TLS "
      "in front of the exporter.");
  cli.add_option("--web.external-url", server.external_url,
                 "URL under which the exporter is reached from outside, for links.");
  cli.add_option("--web.route-prefix", server.route_prefix,
                 "Prefix of all paths. Default: the path of --web.external-url.");
  cli.add_option("--web.telemetry-path", server.telemetry_path, "Path of the metrics page.")
      ->capture_default_str();
  cli.add_flag("--web.enable-lifecycle", server.enable_lifecycle,
               "Allow POST /-/reload. SIGHUP always reloads.");
  cli.add_option("--storage.path", flags.app.storage_path,
                 "Folder of the state files; empty keeps no state.")
      ->capture_default_str();
  cli.add_option("--scoring.workers", flags.app.workers, "Scoring threads; 0 is one per core.")
      ->check(CLI::Range(0, 256))
      ->capture_default_str();
  cli.add_option("--log.level", flags.log_level, "debug, info, warn or error.")
      ->capture_default_str();
  cli.add_option("--log.format", flags.log_format, "logfmt or json.")->capture_default_str();
  cli.set_version_flag("--version", version_text("anomaly_exporter"));
}

int fail(const std::string& message) {
  std::fprintf(stderr, "anomaly_exporter: %s\n", message.c_str());
  return 1;
}

int serve(Flags flags, const CLI::App& cli) {
  if (!flags.web_config_file.empty()) {
    return fail(
        "--web.config.file is not available in this version (the packaged CivetWeb cannot serve "
        "HTTPS safely); terminate TLS and authentication in a proxy in front of the exporter");
  }
  const auto level = core::parse_log_level(flags.log_level);
  if (!level.ok()) return fail("--log.level: " + level.error().message);
  const auto format = core::parse_log_format(flags.log_format);
  if (!format.ok()) return fail("--log.format: " + format.error().message);
  for (const CLI::Option* option : cli.get_options()) {
    const std::string name = option->get_name();
    if (name == "--help" || name == "--version") continue;
    std::string value = option->get_default_str();
    if (!option->results().empty()) {
      value.clear();
      for (const auto& result : option->results()) value += (value.empty() ? "" : ",") + result;
    }
    flags.app.flags.emplace_back(name.substr(2), value);
  }

  Signals signals;
  const auto log = core::make_stderr_logger(*level, *format, core::system_clock());
  auto app = app::Application::start(std::move(flags.app), *log, core::system_clock());
  if (!app.ok()) return fail(app.error().message);
  while (signals.wait() == Signals::Kind::Reload) (void)(*app)->reload();
  (*app)->stop();
  return 0;
}

}  // namespace

int exporter_main(int argc, char** argv) {
  try {
    CLI::App cli("Anomaly detection sidecar for Prometheus, companion of Alertmanager.",
                 "anomaly_exporter");
    Flags flags;
    declare(cli, flags);
    try {
      cli.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return cli.exit(error) == 0 ? 0 : 2;
    }
    return serve(std::move(flags), cli);
  } catch (const std::exception& error) {
    return fail(error.what());
  }
}

}  // namespace anomaly_exporter::cli
