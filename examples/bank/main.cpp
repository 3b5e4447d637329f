// A bank in several processes: money moves between shards by two-phase commit, and whoever is killed, the total is right.
// SPDX-License-Identifier: BSL-1.0
#include "audit.hpp"
#include "client.hpp"
#include "coordinator.hpp"
#include "order.hpp"
#include "shard.hpp"

#include <rondo/runner.hpp>

#include <CLI/CLI.hpp>

#include <exception>
#include <iostream>
#include <stdexcept>

namespace {

using bank::fail_point;

bank::address parse_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const std::string port = text.substr(colon == text.npos ? 0 : colon + 1);
  const auto number = bank::parse_number<std::uint16_t>(port);
  if (!number) throw CLI::ValidationError("'" + port + "' is not a port: a number from 0 to 65535");
  return {colon == text.npos || colon == 0 ? "127.0.0.1" : text.substr(0, colon), *number};
}

void add_address(CLI::App& app, const std::string& name, bank::address& to, const std::string& description) {
  app.add_option_function<std::string>(
         name, [&to](const std::string& text) { to = parse_address(text); }, description)
      ->type_name("[HOST:]PORT");
}

void add_seconds(CLI::App& app, const std::string& name, std::chrono::milliseconds& to,
                 const std::string& description) {
  app.add_option_function<double>(
         name, [&to](double seconds) { to = std::chrono::milliseconds(static_cast<long>(seconds * 1000)); },
         description)
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("SECONDS");
}

void add_fail_at(CLI::App& app, std::optional<fail_point>& to, fail_point::process where) {
  std::string names;
  for (const std::string_view name : fail_point::names(where))
    names += (names.empty() ? "" : ", ") + std::string(name);
  app.add_option_function<std::string>(
         "--fail-at",
         [&to, where](const std::string& text) {
           try {
             to = fail_point::parse(text, where);
           } catch (const std::invalid_argument& e) {
             throw CLI::ValidationError("--fail-at", e.what());
           }
         },
         "kill this process with SIGKILL at the COUNTth time that it comes to: " + names)
      ->type_name("NAME[:COUNT]");
}

CLI::App* shard_command(CLI::App& app, bank::shard_options& o) {
  CLI::App* const command = app.add_subcommand("shard", "Keeps some accounts, and takes part in transactions.");
  command->add_option("--name", o.name, "what the coordinator calls it")->required();
  command->add_option("--directory", o.directory, "where its files are; the first start makes them")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--key", o.key_file, "file with the secret of the bank")->required();
  add_address(*command, "--listen", o.listen, "for the coordinator; port 0 takes a free one, which is printed");
  command->add_option("--accounts", o.accounts, "accounts that the first start opens")->check(CLI::Range(2, 100'000));
  command->add_option("--opening", o.opening, "what is in each of them")->check(CLI::Range(0, 1'000'000'000));
  command->add_option("--compact-above", o.compact_above, "bytes of the store's journal")
      ->check(CLI::Range(1 << 12, 1 << 30));
  add_seconds(*command, "--sweep", o.sweep, "how often to look for orders that nobody will decide");
  add_seconds(*command, "--drain", o.drain, "how long to wait at the end for what is under way");
  add_fail_at(*command, o.fail_at, fail_point::process::shard);
  return command;
}

CLI::App* coordinator_command(CLI::App& app, bank::coordinator_options& o) {
  CLI::App* const command = app.add_subcommand("coordinator", "Serves clients, and decides.");
  command->add_option("--directory", o.directory, "where its log is; the first start makes it")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--key", o.key_file, "file with the secret of the bank")->required();
  add_address(*command, "--listen", o.listen, "for clients; port 0 takes a free one, which is printed");
  const auto add_shard = [&o](const std::vector<std::string>& all) {
    for (const std::string& text : all) {
      const std::size_t equals = text.find('=');
      if (equals == 0 || equals == text.npos) throw CLI::ValidationError("--shard", "'" + text + "' has no NAME=");
      if (!o.shards.emplace(text.substr(0, equals), parse_address(text.substr(equals + 1))).second)
        throw CLI::ValidationError("--shard", "two shards are called " + text.substr(0, equals));
    }
  };
  command->add_option_function<std::vector<std::string>>("--shard", add_shard, "where a shard listens; once for each")
      ->required()
      ->type_name("NAME=[HOST:]PORT");
  add_seconds(*command, "--prepare-timeout", o.prepare_timeout, "how long shards may take to vote");
  add_seconds(*command, "--drain", o.drain, "how long to wait at the end for shards");
  add_fail_at(*command, o.fail_at, fail_point::process::coordinator);
  return command;
}

CLI::App* client_command(CLI::App& app, bank::client_options& o) {
  CLI::App* const command = app.add_subcommand("client", "Moves money, and writes down what it was told.");
  add_address(*command, "--coordinator", o.coordinator, "where to ask");
  command->get_option("--coordinator")->required();
  command->add_option("--journal", o.journal, "file of its own; what is open there is asked first")->required();
  command->add_option("--transfers", o.transfers, "how many; 0: until the time is over");
  add_seconds(*command, "--seconds", o.time, "how long; 0: until the transfers are made");
  command->add_option("--in-flight", o.in_flight, "transfers at a time")->check(CLI::Range(1, 1000));
  command->add_option("--accounts", o.accounts, "of each shard")->check(CLI::Range(2, 100'000));
  command->add_option("--greatest", o.greatest, "amount")->check(CLI::Range(1, 1'000'000'000));
  command->add_option("--same-shard", o.same_shard, "per cent of the transfers")->check(CLI::Range(0, 100));
  add_seconds(*command, "--patience", o.patience, "how long to ask again when nobody answers");
  command->add_option("--seed", o.seed, "of the random transfers; a fresh one, which is printed, by default");
  const auto set_single = [&o](const std::vector<std::string>& words) {
    const auto amount = bank::parse_number<bank::money>(words[2]);
    if (!amount || *amount < 1) throw CLI::ValidationError("--transfer", "'" + words[2] + "' is not an amount");
    o.single = {words[0], words[1], *amount};
    o.transfers = o.in_flight = 1;
  };
  command->add_option_function<std::vector<std::string>>("--transfer", set_single, "this one, and no random ones")
      ->expected(3)
      ->type_name("FROM TO AMOUNT")
      ->excludes("--transfers", "--in-flight");
  return command;
}

CLI::App* audit_command(CLI::App& app, bank::audit_options& o) {
  CLI::App* const command =
      app.add_subcommand("audit", "Checks the books of shards that do not run against the journals of all clients.");
  command->add_option("--shard", o.shards, "the directory of a shard; once for each")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--journal", o.journals, "of a client; once for each")->required()->check(CLI::ExistingFile);
  return command;
}

} // namespace

int main(int argc, char** argv) {
  bank::shard_options shard;
  bank::coordinator_options coordinator;
  bank::client_options client;
  bank::audit_options audit;
  CLI::App app(
      "A bank on rondo::two_phase. Kill any of its processes at any time and start it again: the total is right.");
  app.require_subcommand(1);
  app.option_defaults()->always_capture_default();
  CLI::App* const run_shard = shard_command(app, shard);
  CLI::App* const run_coordinator = coordinator_command(app, coordinator);
  CLI::App* const run_client = client_command(app, client);
  audit_command(app, audit);
  CLI11_PARSE(app, argc, argv);

  try {
    // The programs have their own idea of what Ctrl-C means.
    const auto options = rondo::run_options().handle_sigint(false);
    if (*run_shard) return rondo::run(bank::run_shard(shard), options), 0;
    if (*run_coordinator) return rondo::run(bank::run_coordinator(coordinator), options), 0;
    if (*run_client) return rondo::run(bank::run_client(client), options) == 0 ? 0 : 1;
    return bank::run_audit(audit) == 0 ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << "bank: " << e.what() << '\n';
    return 1;
  }
}
