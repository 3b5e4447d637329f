// SPDX-License-Identifier: BSL-1.0
#include <rondo/context.hpp>

#include "task_runner.hpp"
#include "thread_state.hpp"

#include <map>

RONDO_BEGIN_NAMESPACE
namespace detail {

/// The values of a context. Programs have few variables, and copies are made for every task: a sorted tree that is
/// shared until one of the copies changes.
class context_box : public counted {
public:
  using values = std::map<ref<const context_key>, std::any>;

  std::shared_ptr<const values> contents;
};

void intrusive_ptr_add_ref(const context_box* box) noexcept { box->add_ref(); }
void intrusive_ptr_release(const context_box* box) noexcept { box->release(); }

namespace {

/// The context of code on this thread that is neither in a task nor in a callback.
context& thread_context() {
  static thread_local context own;
  return own;
}

context& current_context() {
  const thread_state& state = this_thread();
  if (state.variables) return *state.variables;
  if (state.runner && state.runner->task) return state.runner->task->variables;
  return thread_context();
}

} // namespace

const std::any* find_context_value(const context_key& key) noexcept {
  const context& c = current_context();
  if (!c.box_ || !c.box_->contents) return nullptr;
  const auto& values = *c.box_->contents;
  const auto found = values.find(ref<const context_key>(&key));
  return found == values.end() ? nullptr : &found->second;
}

std::optional<std::any> set_context_value(const ref<const context_key>& key, std::optional<std::any> value) {
  context& c = current_context();
  c.share();
  auto changed = c.box_->contents ? std::make_shared<context_box::values>(*c.box_->contents)
                                  : std::make_shared<context_box::values>();
  std::optional<std::any> old;
  if (const auto found = changed->find(key); found != changed->end()) {
    old = std::move(found->second);
    changed->erase(found);
  }
  if (value) changed->emplace(key, std::move(*value));
  c.box_->contents = std::move(changed);
  return old;
}

const context_box* current_context_box() {
  context& c = current_context();
  c.share();
  return c.box_.get();
}

void inherit_context(context& fresh) {
  const context& current = current_context();
  if (current.box_) fresh = current.copy();
}

context_switch::context_switch(context& c) noexcept : previous_(std::exchange(this_thread().variables, &c)) {}
context_switch::~context_switch() { this_thread().variables = previous_; }

} // namespace detail

context::context(const context& other) : box_((other.share(), other.box_)) {}
context& context::operator=(const context& other) {
  other.share();
  box_ = other.box_;
  return *this;
}

void context::share() const {
  if (!box_) box_ = new detail::context_box;
}

context context::copy() const {
  context c;
  if (!box_ || !box_->contents || box_->contents->empty()) return c;
  c.share();
  c.box_->contents = box_->contents;
  return c;
}

context copy_context() { return detail::current_context().copy(); }

RONDO_END_NAMESPACE
