// A user: runs one transaction as a program would, is cancelled, loses the handle, misuses it.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include "node.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace sim {

class user {
public:
  /// `bank_name` gives the name under which a bank is enlisted.
  user(hub& h, oracle& judge, coordinator_node& where, std::size_t number, const user_plan& plan,
       std::function<std::string(std::size_t bank)> bank_name);

  void start();
  bool is_done() const { return task_ && task_.done(); }
  std::size_t number() const { return number_; }

private:
  rondo::awaitable<void> run();
  rondo::awaitable<void> run_once();
  rondo::awaitable<void> run_plain();
  rondo::awaitable<void> run_scope();
  rondo::awaitable<void> finish(bool commits);
  rondo::awaitable<void> think();
  void enlist(two_phase::transaction& tx);
  void misuse(two_phase::transaction& tx);
  /// Before each of the user's waits.
  void before_wait();
  void after_a_while(std::uint64_t passes, duration later, std::function<void()> what);
  void cancel_now();
  void drop_now();
  two_phase::transaction_options options() const;
  void note_hit(fault which);
  void note_begun(const txid& id);
  void note_told(const two_phase::commit_result& result);

  hub& hub_;
  oracle& judge_;
  coordinator_node& where_;
  std::size_t number_;
  const user_plan& plan_;
  std::function<std::string(std::size_t)> bank_name_;
  rondo::task<void> task_;
  std::optional<two_phase::transaction> handle_;
  std::optional<txid> id_;
  std::uint64_t life_ = 0; // of the coordinator, when it began
  std::uint64_t waits_ = 0;
  bool cancelled_ = false;
};

} // namespace sim
