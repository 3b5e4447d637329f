// What the tests of coordinators and participants share: resources that count, and a place for everything.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/rondo.hpp>
#include <rondo/testing/virtual_clock.hpp>
#include <rondo/two_phase/coordinator.hpp>
#include <rondo/two_phase/inproc_transport.hpp>
#include <rondo/two_phase/memory_log.hpp>
#include <rondo/two_phase/participant.hpp>
#include <rondo/two_phase/with_transaction.hpp>

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace shell_test {

using namespace rondo;
using namespace rondo::two_phase;
using namespace std::chrono_literals;

inline std::vector<std::byte> bytes(std::string_view text) {
  const auto view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

inline participant_name named(const char* text) { return participant_name(text); }

/// A resource that does what it is told and remembers what it was asked.
class recorder : public resource {
public:
  awaitable<prepare_answer> prepare(branch_id branch, std::vector<std::byte> payload) override {
    ++prepares;
    payloads.push_back(std::move(payload));
    if (prepare_delay > 0s) co_await sleep(prepare_delay);
    if (prepare_throws) throw std::runtime_error("prepare broke");
    if (answer.vote() == vote::yes) held.insert(branch);
    co_return answer;
  }

  awaitable<void> commit(branch_id branch) override {
    ++commits;
    if (commit_delay > 0s) co_await sleep(commit_delay);
    if (failing_commits > 0) {
      --failing_commits;
      throw std::runtime_error("commit broke");
    }
    held.erase(branch);
    done[branch] = decision::committed;
  }

  awaitable<void> rollback(branch_id branch) override {
    ++rollbacks;
    if (failing_rollbacks > 0) {
      --failing_rollbacks;
      throw std::runtime_error("rollback broke");
    }
    held.erase(branch);
    done[branch] = decision::aborted;
    co_return;
  }

  bool one_phase_capable() const noexcept override { return one_phase; }

  awaitable<prepare_answer> commit_one_phase(branch_id branch, std::vector<std::byte>) override {
    ++one_phase_commits;
    if (answer.vote() == vote::yes) done[branch] = decision::committed;
    co_return answer;
  }

  awaitable<std::vector<branch_id>> in_doubt() override {
    ++listings;
    co_return std::vector<branch_id>(held.begin(), held.end());
  }

  awaitable<void> reattach(branch_id branch, std::vector<std::byte> token) override {
    tokens[branch] = std::move(token);
    held.insert(branch);
    co_return;
  }

  prepare_answer answer = vote::yes;
  clock::duration prepare_delay{};
  clock::duration commit_delay{};
  bool prepare_throws = false;
  bool one_phase = false;
  int failing_commits = 0;
  int failing_rollbacks = 0;

  int prepares = 0, commits = 0, rollbacks = 0, one_phase_commits = 0, listings = 0;
  std::vector<std::vector<std::byte>> payloads;
  std::set<branch_id> held;
  std::map<branch_id, decision> done;
  std::map<branch_id, std::vector<std::byte>> tokens;
};

/// Keeps what it is told.
class listener : public observer {
public:
  void on_notice(const notice& what) override { notices.push_back(what); }
  void on_completed(const txid& id, const commit_result& result, clock::duration) override {
    completed.emplace(id, result);
  }
  void on_closed(const txid& id, decision how, clock::duration) override { closed.emplace(id, how); }
  void on_branch_ended(const branch_id& id, decision how) override { ended.emplace(id, how); }

  std::size_t count(notice_kind kind) const {
    return static_cast<std::size_t>(
        std::count_if(notices.begin(), notices.end(), [kind](const notice& n) { return n.kind() == kind; }));
  }
  bool has_alarm(alarm_kind kind) const {
    return std::any_of(notices.begin(), notices.end(), [kind](const notice& n) { return n.alarm() == kind; });
  }

  std::vector<notice> notices;
  std::map<txid, commit_result> completed;
  std::map<txid, decision> closed;
  std::map<branch_id, decision> ended;
};

} // namespace shell_test
