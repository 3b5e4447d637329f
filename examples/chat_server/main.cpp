// A chat server: rooms, nicknames, and clients that may misbehave. Try it with `nc 127.0.0.1 4000`.
// SPDX-License-Identifier: BSL-1.0
#include "server.hpp"

#include <rondo/runner.hpp>

#include <CLI/CLI.hpp>
#include <boost/asio/ip/address.hpp>

#include <exception>
#include <iostream>

namespace {

std::string check_address(const std::string& text) {
  boost::system::error_code ec;
  boost::asio::ip::make_address(text, ec);
  return ec ? "'" + text + "' is not an IP address" : std::string();
}

std::chrono::milliseconds to_milliseconds(double seconds) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

std::string check_seconds(const std::string& text) {
  double seconds = -1;
  const bool number = CLI::detail::lexical_cast(text, seconds);
  return number && seconds >= 0 && seconds <= 1e6 ? std::string() : "'" + text + "' is not a number of seconds";
}

} // namespace

int main(int argc, char** argv) {
  chat::options o;
  double idle_timeout = std::chrono::duration<double>(o.idle_timeout).count();
  double grace = std::chrono::duration<double>(o.grace).count();

  CLI::App app("A chat server on rondo. Ctrl-C or SIGTERM ends it: everybody gets a goodbye.");
  app.option_defaults()->always_capture_default();
  app.add_option("--address", o.address, "IP address to listen on")->check(check_address);
  app.add_option("--port", o.port, "port; 0 takes a free one, which is printed");
  app.add_option("--idle-timeout", idle_timeout, "seconds without a line until a client is sent away; 0: never")
      ->check(check_seconds);
  app.add_option("--max-line", o.max_line, "greatest length of a line in bytes")->check(CLI::Range(16, 1 << 20));
  app.add_option("--max-backlog", o.max_backlog, "greatest number of bytes that may wait for a client")
      ->check(CLI::Range(1 << 12, 1 << 30));
  app.add_option("--grace", grace, "seconds that a client has to take its last lines")->check(check_seconds);
  CLI11_PARSE(app, argc, argv);
  o.idle_timeout = to_milliseconds(idle_timeout);
  o.grace = to_milliseconds(grace);

  try {
    chat::server server(o);
    // The server has its own idea of what Ctrl-C means.
    rondo::run(server.run(), rondo::run_options().handle_sigint(false));
    return 0;
  } catch (const std::exception& e) {
    std::cerr << "chat_server: " << e.what() << '\n';
    return 1;
  }
}
