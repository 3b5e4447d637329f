// resource: what does the work of a branch, and can commit it or roll it back later.
// SPDX-License-Identifier: BSL-1.0
#pragma once

#include <rondo/awaitable.hpp>
#include <rondo/detail/body.hpp>
#include <rondo/two_phase/types.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

namespace detail {
class plain_hooks;
class hook_runner;
} // namespace detail

/// What a resource answers when it is asked to prepare. Converts from a `vote`, and from a bool: true is yes.
class RONDO_EXPORT prepare_answer {
public:
  template <std::same_as<bool> B> // no number, no pointer
  prepare_answer(B yes) : vote_(yes ? two_phase::vote::yes : two_phase::vote::no) {}
  prepare_answer(two_phase::vote value) : vote_(value) {}

  /// Why it is a no: the user of the transaction is told.
  static prepare_answer no(std::string reason) {
    prepare_answer answer(two_phase::vote::no);
    answer.reason_ = std::move(reason);
    return answer;
  }

  /// Bytes that a participant's log keeps, and hands back to `resource::reattach` after a restart.
  prepare_answer& token(std::vector<std::byte> value) & { return token_ = std::move(value), *this; }
  prepare_answer&& token(std::vector<std::byte> value) && { return std::move(token(std::move(value))); }

  two_phase::vote vote() const noexcept { return vote_; }
  const std::string& reason() const noexcept { return reason_; }
  const std::vector<std::byte>& token() const noexcept { return token_; }

private:
  two_phase::vote vote_;
  std::string reason_;
  std::vector<std::byte> token_;
};

/// Something that takes part in transactions: the hooks that users write.
///
/// Its hooks run as tasks of the loop of the coordinator or participant that it belongs to, or of the loop that
/// `hooks_on` names, at most one at a time for each branch, and for many branches at once. A hook must not block its
/// loop: use `blocking` for calls that do.
///
/// After yes, `commit` and `rollback` must be possible whatever happens, also after a crash; which of them comes may be
/// decided much later. Both may be called again for a branch that they have finished, and must then do nothing. Either is
/// tried again, with growing delays and for ever, until it returns: an exception never turns one into the other.
class RONDO_EXPORT resource {
public:
  resource() = default;
  resource(const resource&) = delete;
  resource& operator=(const resource&) = delete;
  virtual ~resource();

  /// Does the work of a branch, so that it can be committed and can be rolled back, and survives a crash.
  ///
  /// After no, and after an exception, which means no and gives its text as the reason, nothing may be left of it.
  /// Cancellation: the branch is rolled back, or the time for it is over. What it returns then still counts, but is
  /// rolled back.
  virtual awaitable<prepare_answer> prepare(branch_id branch, std::vector<std::byte> payload) = 0;

  /// Makes the work of a prepared branch permanent. Must do nothing if that was done.
  virtual awaitable<void> commit(branch_id branch) = 0;

  /// Undoes the work of a prepared branch. Must do nothing for a branch that it does not hold prepared: one that it never
  /// knew, and one that it has committed since `in_doubt` listed it.
  virtual awaitable<void> rollback(branch_id branch) = 0;

  /// Whether a transaction with this branch alone may be committed by one `commit_one_phase`. No by default.
  virtual bool one_phase_capable() const noexcept { return false; }

  /// Does the work of a branch and commits it at once: yes or read_only; or, with nothing left of it, no.
  ///
  /// An exception means that it is called again, as `commit` is: whoever says that it is capable must remember, durably,
  /// what it has done. Throws `std::logic_error` unless it is overridden.
  virtual awaitable<prepare_answer> commit_one_phase(branch_id branch, std::vector<std::byte> payload);

  /// The branches that it holds prepared, as a database lists its prepared transactions: of the caller's own, none that
  /// another coordinator or participant prepared. Those that nobody will ever decide are rolled back. None by default.
  virtual awaitable<std::vector<branch_id>> in_doubt();

  /// After a restart of a participant, before any other hook: the branch is prepared, and its PREPARE gave this token.
  /// Does nothing by default.
  virtual awaitable<void> reattach(branch_id branch, std::vector<std::byte> token);

private:
  friend class detail::hook_runner;

  virtual detail::plain_hooks* plain() noexcept;
};

namespace detail {

/// Hooks that may be plain functions, for which no task is made.
class plain_hooks {
public:
  /// Nothing if the hook is a coroutine.
  virtual std::optional<prepare_answer> prepare_now(const branch_id& branch, std::vector<std::byte>& payload) = 0;
  /// False if the hook is a coroutine.
  virtual bool commit_now(const branch_id& branch) = 0;
  virtual bool rollback_now(const branch_id& branch) = 0;

protected:
  ~plain_hooks() = default;
};

/// Calls a hook with as many of the arguments as it takes.
template <class F>
decltype(auto) call_hook(F& f, const branch_id& branch, std::vector<std::byte>& payload) {
  if constexpr (std::invocable<F&, const branch_id&, std::vector<std::byte>>)
    return f(branch, std::move(payload));
  else if constexpr (std::invocable<F&, std::vector<std::byte>>)
    return f(std::move(payload));
  else if constexpr (std::invocable<F&, const branch_id&>)
    return f(branch);
  else
    return f();
}

template <class F>
concept hook = std::invocable<F&, const branch_id&, std::vector<std::byte>> ||
               std::invocable<F&, std::vector<std::byte>> || std::invocable<F&, const branch_id&> || std::invocable<F&>;

/// What a hook returns, awaited.
template <class F>
using hook_value = typename rondo::detail::body_result<std::remove_cvref_t<decltype(call_hook(
    std::declval<F&>(), std::declval<const branch_id&>(), std::declval<std::vector<std::byte>&>()))>>::type;

#if RONDO_DESTROYS_TEMPORARIES_TWICE // GCC 12
#pragma GCC diagnostic push
// The frame of a coroutine is a class that nobody can name; a hook is often a lambda in a source file.
#pragma GCC diagnostic ignored "-Wsubobject-linkage"
#endif

template <class T, class F>
awaitable<T> await_hook(F& f, branch_id branch, std::vector<std::byte> payload) {
  using result = decltype(call_hook(f, branch, payload));
  if constexpr (rondo::detail::awaits<result>)
    co_return co_await rondo::detail::as_awaitable(call_hook(f, branch, payload));
  else
    co_return call_hook(f, branch, payload);
}

#if RONDO_DESTROYS_TEMPORARIES_TWICE
#pragma GCC diagnostic pop
#endif

[[noreturn]] RONDO_EXPORT void throw_hook_said_false(const char* hook);

/// Whether a hook returns its value, and not something to be awaited.
template <class F>
inline constexpr bool is_plain_hook = !rondo::detail::awaits<decltype(call_hook(
    std::declval<F&>(), std::declval<const branch_id&>(), std::declval<std::vector<std::byte>&>()))>;

template <class Prepare, class Commit, class Rollback>
class hook_resource final : public resource, public plain_hooks {
public:
  hook_resource(Prepare prepare, Commit commit, Rollback rollback)
      : prepare_(std::move(prepare)), commit_(std::move(commit)), rollback_(std::move(rollback)) {}

  awaitable<prepare_answer> prepare(branch_id branch, std::vector<std::byte> payload) override {
    if constexpr (std::is_void_v<hook_value<Prepare>>) {
      co_await await_hook<hook_value<Prepare>>(prepare_, branch, std::move(payload));
      co_return prepare_answer(vote::yes);
    } else {
      co_return prepare_answer(co_await await_hook<hook_value<Prepare>>(prepare_, branch, std::move(payload)));
    }
  }

  awaitable<void> commit(branch_id branch) override { return run(commit_, branch, "commit"); }
  awaitable<void> rollback(branch_id branch) override { return run(rollback_, branch, "rollback"); }

  std::optional<prepare_answer> prepare_now(const branch_id& branch, std::vector<std::byte>& payload) override {
    if constexpr (!is_plain_hook<Prepare>) {
      return std::nullopt;
    } else if constexpr (std::is_void_v<hook_value<Prepare>>) {
      call_hook(prepare_, branch, payload);
      return vote::yes;
    } else {
      return call_hook(prepare_, branch, payload);
    }
  }

  bool commit_now(const branch_id& branch) override { return run_now(commit_, branch, "commit"); }
  bool rollback_now(const branch_id& branch) override { return run_now(rollback_, branch, "rollback"); }

private:
  plain_hooks* plain() noexcept override { return this; }

  template <class F>
  static bool run_now(F& f, const branch_id& branch, const char* name) {
    std::vector<std::byte> none;
    if constexpr (!is_plain_hook<F>) {
      return false;
    } else if constexpr (std::is_void_v<hook_value<F>>) {
      call_hook(f, branch, none);
      return true;
    } else {
      if (!call_hook(f, branch, none)) throw_hook_said_false(name);
      return true;
    }
  }

  template <class F>
  static awaitable<void> run(F& f, branch_id branch, const char* name) {
    if constexpr (std::is_void_v<hook_value<F>>) {
      co_await await_hook<hook_value<F>>(f, branch, {});
    } else {
      const bool done = co_await await_hook<hook_value<F>>(f, branch, {});
      if (!done) throw_hook_said_false(name);
    }
  }

  Prepare prepare_;
  Commit commit_;
  Rollback rollback_;
};

} // namespace detail

/// A resource of three functions.
///
///     auto accounts = make_resource([&](std::vector<std::byte> order) -> awaitable<bool> { ... },
///                                   [&](const branch_id& id) { ... }, [&](const branch_id& id) { ... });
///
/// Each takes the branch and the payload, or either of them, or nothing (commit and rollback get no payload), and returns
/// bool or void, plain or to be awaited; prepare may also return a `vote` or a `prepare_answer`. False from prepare is a
/// no, false from the others means "try again", as an exception does. A plain function is called at once, without a task.
template <class Prepare, class Commit, class Rollback>
std::unique_ptr<resource> make_resource(Prepare prepare, Commit commit, Rollback rollback) {
  static_assert(detail::hook<Prepare> && detail::hook<Commit> && detail::hook<Rollback>,
                "a hook takes (const branch_id&, std::vector<std::byte>), either of them, or nothing");
  return std::make_unique<detail::hook_resource<Prepare, Commit, Rollback>>(std::move(prepare), std::move(commit),
                                                                            std::move(rollback));
}

} // namespace two_phase
RONDO_END_NAMESPACE
