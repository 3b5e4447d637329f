// SPDX-License-Identifier: BSL-1.0
#include <rondo/two_phase/transport.hpp>

RONDO_BEGIN_NAMESPACE
namespace two_phase {

transport::~transport() = default;

void transport::acknowledge(std::uint64_t) {}

void transport::abandon() noexcept {}

} // namespace two_phase
RONDO_END_NAMESPACE
