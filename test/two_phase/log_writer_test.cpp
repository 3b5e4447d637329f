// What coordinators do when their log fails outside of a write that they wait for.
// SPDX-License-Identifier: BSL-1.0
#include "shell_support.hpp"

using namespace shell_test;

namespace {

/// Takes records until something ends nobody knows how: a compaction, or an append, of which nobody hears the end.
class breaking_log final : public decision_log {
public:
  enum class part { compaction, append };
  explicit breaking_log(part broken) : broken_(broken) {}

  using decision_log::force;

  log_contents open() override { return inner_.open(); }
  void force(std::span<const log_record> records, done_callback done) override {
    if (poisoned_) return done(log_result(log_failure::definite, log_errc::poisoned, "poisoned"));
    inner_.force(records, std::move(done));
  }
  void append(const log_record& record) override {
    if (broken_ == part::append && ++appends_ == 5) poisoned_ = true;
    if (!poisoned_) inner_.append(record);
  }
  void compact(std::span<const log_record> live, done_callback done) override {
    if (poisoned_) return done(log_result(log_failure::definite, log_errc::poisoned, "poisoned"));
    if (broken_ != part::compaction) return inner_.compact(live, std::move(done));
    poisoned_ = true;
    done(log_result(log_failure::ambiguous, std::make_error_code(std::errc::io_error), "the disk broke"));
  }
  void close() override { inner_.close(); }
  bool durable() const noexcept override { return false; }
  log_health health() const noexcept override { return poisoned_ ? log_health::poisoned : inner_.health(); }
  log_statistics statistics() const override { return inner_.statistics(); }
  std::string description() const override { return "a log that breaks"; }

private:
  const part broken_;
  memory_log inner_;
  int appends_ = 0;
  bool poisoned_ = false;
};

void check_that_it_stops(breaking_log::part broken) {
  breaking_log log(broken);
  listener heard;
  recorder orders, payments;
  testing::run_virtual([&]() -> awaitable<void> {
    coordinator owner(named("shop"), log, coordinator_options().watched_by(heard).compact_above(1000).seed(1));
    owner.add_resource(named("orders"), orders);
    owner.add_resource(named("payments"), payments);
    co_await owner.start();
    int committed = 0, refused = 0, unknown = 0;
    co_await with_task_group([&](task_group& group) -> awaitable<void> {
      for (int i = 0; i < 8; ++i) {
        auto client = [&]() -> awaitable<void> {
          for (int k = 0; k < 100 && !heard.has_alarm(alarm_kind::log_poisoned); ++k) {
            transaction tx = co_await owner.begin();
            tx.enlist(named("orders"), bytes("o"));
            tx.enlist(named("payments"), bytes("p"));
            const commit_result result = co_await tx.commit();
            ++(result.committed() ? committed : result.aborted() ? refused : unknown);
          }
        };
        group.create_task(client);
      }
      co_return;
    });
    BOOST_TEST(heard.has_alarm(alarm_kind::log_poisoned));
    BOOST_TEST(committed > 0);
    BOOST_TEST(refused > 0);
    // A refused write is a definite end: nobody is left in the dark.
    BOOST_TEST(unknown == 0);
    std::error_code code;
    try {
      auto begun = co_await owner.begin();
    } catch (const std::system_error& error) {
      code = error.code();
    }
    BOOST_TEST(code == make_error_code(errc::log_poisoned));
    co_await owner.stop(1s);
  });
}

} // namespace

BOOST_AUTO_TEST_SUITE(log_writer)

BOOST_AUTO_TEST_CASE(a_compaction_that_poisons_the_log_stops_the_coordinator) {
  check_that_it_stops(breaking_log::part::compaction);
}

BOOST_AUTO_TEST_CASE(an_append_that_poisons_the_log_stops_the_coordinator) {
  check_that_it_stops(breaking_log::part::append);
}

BOOST_AUTO_TEST_SUITE_END()
