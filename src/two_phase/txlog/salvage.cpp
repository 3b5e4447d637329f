// SPDX-License-Identifier: BSL-1.0
#include "salvage.hpp"

#include "log/file_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace txlog {
namespace {

// More starts than a coordinator can have made since the damage.
constexpr std::uint64_t epoch_leap = std::uint64_t{1} << 20;

bool is_coordinators(tp::record_type type) noexcept {
  return type == tp::record_type::epoch || type == tp::record_type::commit || type == tp::record_type::end ||
         type == tp::record_type::abort;
}

void note(const located_record& each, salvage_plan& plan) {
  if (!is_coordinators(each.record.type())) return;
  plan.coordinator = true;
  if (const auto entry = tp::log_entry::decode(each.record))
    plan.first_epoch = std::max(plan.first_epoch, entry->transaction().epoch());
}

} // namespace

salvage_plan plan_salvage(const log_view& view) {
  salvage_plan plan;
  for (const located_record& each : view.records) {
    note(each, plan);
    plan.records.push_back(each.record);
  }
  for (const located_record& each : view.behind)
    note(each, plan);
  if (plan.coordinator && view.id) {
    plan.id = *view.id;
    plan.first_epoch += epoch_leap;
    // With a number in it the record also says that nothing is known of the transactions before it.
    plan.records.push_back(tp::log_entry(tp::record_type::epoch, tp::txid(plan.id, plan.first_epoch - 1, 1)).encode());
  } else {
    plan.coordinator = false;
    plan.id = tp::log_uuid::random();
  }
  return plan;
}

void carry_out(const salvage_plan& plan, const std::string& target) {
  tp::detail::file_store(target, {}).create(plan.id, plan.records);
}

source_lock::source_lock(const std::string& directory) {
  const std::string path = fmt::format("{}/{}", directory, tp::detail::lock_name);
  file_ = tp::log_files::system().lock(path);
  if (file_ == -EAGAIN)
    throw tp::log_error(tp::log_errc::locked,
                        fmt::format("the decision log in {} is in use: stop its process first", directory));
  if (file_ < 0) tp::detail::throw_system(file_, "lock", path);
}

source_lock::~source_lock() { tp::log_files::system().close(file_); }

} // namespace txlog
