// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/resource.hpp>

#include <fmt/format.h>

#include <stdexcept>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

resource::~resource() = default;

awaitable<prepare_answer> resource::commit_one_phase(branch_id, std::vector<std::byte>) {
  throw std::logic_error("rondo: a resource that is one_phase_capable() must override commit_one_phase()");
}

awaitable<std::vector<branch_id>> resource::in_doubt() { co_return std::vector<branch_id>(); }

awaitable<void> resource::reattach(branch_id, std::vector<std::byte>) { co_return; }

detail::plain_hooks* resource::plain() noexcept { return nullptr; }

namespace detail {

void throw_hook_said_false(const char* hook) {
  throw std::runtime_error(fmt::format("the {} hook returned false", hook));
}

} // namespace detail
} // namespace two_phase
RONDO_END_NAMESPACE
