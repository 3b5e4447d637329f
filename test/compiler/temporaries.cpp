// Which temporaries in an expression with co_await this compiler destroys twice, and that the forms we use are safe.
// SPDX-License-Identifier: BSL-1.0
//
// Fails if a form that the library relies on is broken; if a broken form is not accounted for by
// RONDO_DESTROYS_TEMPORARIES_TWICE; and if that macro is set although nothing is broken: then the rule can go.
#include <rondo/runner.hpp>
#include <rondo/sleep.hpp>
#include <rondo/task.hpp>

#include <cstdio>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

std::set<const void*> alive;
int wrong = 0;

/// Counts every construction and destruction by address.
struct tracked {
  explicit tracked(int v = 0) : value(v) { enter(); }
  tracked(const tracked& other) : value(other.value) { enter(); }
  tracked(tracked&& other) noexcept : value(other.value) { enter(); }
  tracked& operator=(const tracked&) = default;
  ~tracked() {
    if (alive.erase(this) == 0) ++wrong;
  }

  void enter() {
    if (!alive.insert(this).second) ++wrong;
  }

  int value;
};

struct aggregate {
  tracked part;
  int number;
};

class options {
public:
  options() = default;
  options&& with(tracked t) && { return part_ = t, std::move(*this); }
  int value() const { return part_.value; }

private:
  tracked part_;
};

using rondo::awaitable;

awaitable<void> turn() { co_await rondo::sleep(std::chrono::seconds(0)); }

awaitable<int> by_value(tracked t) {
  co_await turn();
  co_return t.value;
}
awaitable<int> by_reference(const tracked& t) {
  co_await turn();
  co_return t.value;
}
awaitable<int> takes_aggregate(aggregate a) {
  co_await turn();
  co_return a.part.value;
}
awaitable<int> takes_options(options o) {
  co_await turn();
  co_return o.value();
}
template <class F>
awaitable<int> calls(F f) {
  co_await turn();
  co_return f();
}
awaitable<tracked> makes(int v) {
  co_await turn();
  co_return tracked(v);
}
awaitable<std::pair<tracked, tracked>> makes_pair() {
  co_await turn();
  co_return std::pair(tracked(1), tracked(2));
}

struct probe {
  const char* name;
  bool relied_on; // the library, its examples and its documentation use this form
  std::function<awaitable<void>()> body;
};

std::vector<probe> probes() {
  return {
      {"a temporary argument by value", true, []() -> awaitable<void> { (void)co_await by_value(tracked(1)); }},
      {"a temporary bound to a reference", true, []() -> awaitable<void> { (void)co_await by_reference(tracked(1)); }},
      {"an options class with setters", true,
       []() -> awaitable<void> { (void)co_await takes_options(options().with(tracked(1))); }},
      {"a named closure", true,
       []() -> awaitable<void> {
         tracked t(1);
         auto f = [t] { return t.value; };
         (void)co_await calls(f);
       }},
      {"a temporary closure with captures by reference", true,
       []() -> awaitable<void> {
         tracked t(1);
         (void)co_await calls([&] { return t.value; });
       }},
      {"create_task with a closure, in its own statement", true,
       []() -> awaitable<void> {
         tracked t(1);
         auto made = rondo::create_task([t]() -> awaitable<int> { co_return t.value; });
         (void)co_await made.get();
       }},
      {"awaiting into locals, then using them", true,
       []() -> awaitable<void> {
         const tracked a = co_await makes(1);
         const tracked b = co_await makes(2);
         (void)co_await by_value(a);
         (void)co_await by_value(b);
       }},
      {"structured bindings, outside of a loop", true,
       []() -> awaitable<void> {
         auto [a, b] = co_await makes_pair();
         co_await turn();
         (void)a;
         (void)b;
       }},
      {"a throwing callee with a temporary argument", true,
       []() -> awaitable<void> {
         auto throws = [](tracked) -> awaitable<int> {
           co_await turn();
           throw 1;
         };
         try {
           (void)co_await throws(tracked(1));
         } catch (int) {
         }
       }},
      {"a temporary closure with captures by value", false,
       []() -> awaitable<void> {
         tracked t(1);
         (void)co_await calls([t] { return t.value; });
       }},
      {"a temporary aggregate", false,
       []() -> awaitable<void> { (void)co_await takes_aggregate(aggregate{tracked(1), 2}); }},
      {"a braced aggregate argument", false,
       []() -> awaitable<void> { (void)co_await takes_aggregate({tracked(1), 2}); }},
      {"an aggregate of awaited values", false,
       []() -> awaitable<void> {
         const aggregate a{co_await makes(1), 2};
         co_await turn();
         (void)a;
       }},
  };
}

} // namespace

int main() {
  int broken_forms = 0, failures = 0;
  for (const probe& p : probes()) {
    alive.clear();
    wrong = 0;
    {
      rondo::runner r;
      r.run(p.body);
    }
    const bool ok = wrong == 0 && alive.empty();
    std::printf("%-55s %s\n", p.name, ok ? "ok" : "destroyed twice");
    if (ok) continue;
    ++broken_forms;
    if (p.relied_on) ++failures;
  }
  if (broken_forms > 0 && !RONDO_DESTROYS_TEMPORARIES_TWICE) {
    std::puts("this compiler needs RONDO_DESTROYS_TEMPORARIES_TWICE: see rondo/detail/config.hpp");
    ++failures;
  }
  if (broken_forms == 0 && RONDO_DESTROYS_TEMPORARIES_TWICE) {
    std::puts("this compiler does not need RONDO_DESTROYS_TEMPORARIES_TWICE any more: the rule can go");
    ++failures;
  }
  return failures == 0 ? 0 : 1;
}
