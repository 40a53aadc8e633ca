#include "generate_command.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "anomaly_exporter/config/config.h"
#include "anomaly_exporter/tools/generate_dashboard.h"
#include "anomaly_exporter/tools/generate_rules.h"

namespace anomaly_exporter::cli {

namespace {

struct RulesFlags {
  tools::RulesOptions options;
  std::string config_file, part = "all";
};

core::Status print_rules(RulesFlags flags) {
  config::Config config;
  if (!flags.config_file.empty()) {
    auto loaded = config::load_config(flags.config_file);
    if (!loaded.ok()) return loaded.error();
    config = std::move(loaded).value();
    flags.options.config = &config;
  }
  std::string& base = flags.options.runbook_url_base;
  while (base.ends_with('/')) base.pop_back();
  std::string text;
  if (flags.part != "exporter") {
    auto rules = tools::anomaly_rules(flags.options);
    if (!rules.ok()) return rules.error();
    text = std::move(rules).value();
  }
  if (flags.part != "anomalies") {
    const std::string own = tools::exporter_rules(flags.options);
    // One file has one `groups:`.
    text +=
        text.empty() ? own : own.substr(own.find("groups:\n") + std::string("groups:\n").size());
  }
  std::cout << text;
  return {};
}

core::Status print_inhibit_rules(const std::string& file) {
  if (file.empty()) {
    std::cout << tools::inhibit_rules(nullptr);
    return {};
  }
  const auto config = config::load_config(file);
  if (!config.ok()) return config.error();
  std::cout << tools::inhibit_rules(&*config);
  return {};
}

core::Status print_scrape_config(const std::string& file, const std::string& job,
                                 const std::string& address) {
  const auto config = config::load_config(file);
  if (!config.ok()) return config.error();
  std::cout << tools::scrape_config(*config, job, address);
  return {};
}

core::Status print_dashboard(const std::string& file, const std::string& title) {
  const auto config = config::load_config(file);
  if (!config.ok()) return config.error();
  const auto dashboard = tools::dashboard(*config, title);
  if (!dashboard.ok()) return dashboard.error();
  std::cout << *dashboard;
  return {};
}

int report(const core::Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "anomalytool: %s\n", status.error().message.c_str());
  return 1;
}

void add_rules(CLI::App& generate, std::function<int()>& run) {
  auto* command = generate.add_subcommand(
      "rules", "Rules of Prometheus: for one configuration, or, without --config, for any.");
  auto flags = std::make_shared<RulesFlags>();
  command->add_option("--config", flags->config_file,
                      "Configuration whose monitors the rules are for.");
  command->add_option("--part", flags->part, "anomalies, exporter (its own health), or all.")
      ->check(CLI::IsMember({"anomalies", "exporter", "all"}))
      ->capture_default_str();
  command
      ->add_option("--runbook-url-base", flags->options.runbook_url_base,
                   "Folder of the runbooks; a slash, the alert's name and .md follow.")
      ->capture_default_str();
  command->add_option("--dashboard-url", flags->options.dashboard_url,
                      "Link of every anomaly; {label} stands for a label's value. Without it, the "
                      "graph of Prometheus.");
  command->add_option("--job", flags->options.job, "Scrape job of anomaly_exporter.")
      ->capture_default_str();
  command->callback([&run, flags] { run = [flags] { return report(print_rules(*flags)); }; });
}

void add_inhibit_rules(CLI::App& generate, std::function<int()>& run) {
  auto* command = generate.add_subcommand(
      "inhibit-rules", "The part of Alertmanager's file that knows how monitors are grouped.");
  auto file = std::make_shared<std::string>();
  command->add_option("--config", *file, "Configuration; the usual groups without it.");
  command->callback([&run, file] { run = [file] { return report(print_inhibit_rules(*file)); }; });
}

void add_scrape_config(CLI::App& generate, std::function<int()>& run) {
  auto* command = generate.add_subcommand(
      "scrape-config", "The job by which Prometheus scrapes an exporter of this configuration.");
  struct Flags {
    std::string config, job = "anomaly_exporter", address = "localhost:10097";
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("--config", flags->config, "Configuration file.")->required();
  command->add_option("--job", flags->job, "Name of the job.")->capture_default_str();
  command->add_option("--address", flags->address, "host:port of the exporter.")
      ->capture_default_str();
  command->callback([&run, flags] {
    run = [flags] {
      return report(print_scrape_config(flags->config, flags->job, flags->address));
    };
  });
}

void add_dashboard(CLI::App& generate, std::function<int()>& run) {
  auto* command =
      generate.add_subcommand("dashboard", "Grafana dashboard of one configuration's monitors.");
  struct Flags {
    std::string config, title = "Anomalies";
  };
  auto flags = std::make_shared<Flags>();
  command->add_option("--config", flags->config, "Configuration file.")->required();
  command->add_option("--title", flags->title, "Title of the dashboard.")->capture_default_str();
  command->callback([&run, flags] {
    run = [flags] { return report(print_dashboard(flags->config, flags->title)); };
  });
}

}  // namespace

void add_generate(CLI::App& tool, std::function<int()>& run) {
  auto* generate = tool.add_subcommand("generate", "Print files for the programs around us.");
  generate->require_subcommand(1);
  add_rules(*generate, run);
  add_inhibit_rules(*generate, run);
  add_scrape_config(*generate, run);
  add_dashboard(*generate, run);
}

}  // namespace anomaly_exporter::cli
