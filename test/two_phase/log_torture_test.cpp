// A recorded log, cut at every byte and with every byte changed: what is read is a prefix of what was written, or
// refused.
// SPDX-License-Identifier: BSL-1.0
#include "fake_files.hpp"
#include "log/reader.hpp"
#include "log_support.hpp"

#include <boost/test/unit_test.hpp>

using namespace log_test;
namespace detail = rondo::two_phase::detail;

namespace {

// Unoptimized builds would take minutes: they leave out most bytes, and most edges of records.
#ifdef __OPTIMIZE__
constexpr std::size_t stride = 1;
constexpr std::size_t edge_stride = 1;
#else
constexpr std::size_t stride = 509;
constexpr std::size_t edge_stride = 16;
#endif

constexpr std::uint32_t batches = 160;

std::string name_of(std::uint64_t number) { return detail::segment_name(number); }

/// Two segments: forces of one, two and three records of several sizes, the last of three.
class recorded_log {
public:
  recorded_log() {
    tp::file_log log("log", options());
    id_ = log.open().id();
    for (std::uint32_t i = 0; i < batches; ++i) {
      std::vector<tp::log_record> batch;
      for (std::uint32_t k = 0; k <= (i + 1) % 3; ++k)
        batch.push_back(record(static_cast<std::uint32_t>(records_.size() + k), 60 + (i * 37 + k * 11) % 240));
      if (!force(log, batch).succeeded()) throw std::runtime_error("the recording failed");
      records_.insert(records_.end(), batch.begin(), batch.end());
    }
    log.close();
    whole_ = read(&frames_);
    if (whole_ != records_ || !files.names().size()) throw std::runtime_error("the recording cannot be read");
  }

  tp::file_log_options options() { return tp::file_log_options().segment_size(small_segment).files(files); }

  struct place {
    std::uint64_t segment;
    std::size_t offset;
    std::size_t end;
    std::uint64_t batch;
  };

  const std::vector<tp::log_record>& records() const { return records_; }
  const std::vector<place>& frames() const { return frames_; }
  const tp::log_uuid& id() const { return id_; }

  std::vector<tp::log_record> read(std::vector<place>* places = nullptr) {
    std::vector<tp::log_record> found;
    image_ =
        detail::read_log(files, "log", files.names(), [&](const detail::segment_file& file, const detail::frame& each) {
          found.emplace_back(each.type, std::vector<std::byte>(each.body.begin(), each.body.end()));
          if (places != nullptr)
            places->push_back(
                {file.header.number, each.offset, each.offset + detail::frame_size(each.body.size()), each.batch()});
        });
    return found;
  }

  /// Of the last `read`.
  const detail::log_image& image() const { return image_; }

  /// How many records there are whose bytes all stand before an offset, in batches of which the same is true.
  std::size_t complete_before(std::uint64_t segment, std::size_t offset) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      const place& each = frames_[i];
      const std::size_t body_end = each.offset + detail::frame_header_size + records_[i].body().size();
      if (each.segment > segment || (each.segment == segment && body_end > offset)) break;
      if (i + 1 == frames_.size() || frames_[i + 1].batch != each.batch) count = i + 1;
    }
    return count;
  }

  bool near_edge(std::uint64_t segment, std::size_t offset) const {
    if (offset <= detail::header_size) return true;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      const place& each = frames_[i];
      const bool chosen = i % edge_stride == 0 || each.batch == frames_.back().batch;
      if (chosen && each.segment == segment && (offset - each.offset + 1 <= 26 || offset - each.end + 1 <= 2))
        return true;
    }
    return false;
  }

  fake_files files;

private:
  tp::log_uuid id_;
  std::vector<tp::log_record> records_;
  std::vector<tp::log_record> whole_;
  std::vector<place> frames_;
  detail::log_image image_;
};

recorded_log& recorded() {
  static recorded_log log;
  return log;
}

bool is_prefix(const std::vector<tp::log_record>& found, const std::vector<tp::log_record>& all) {
  return found.size() <= all.size() && std::equal(found.begin(), found.end(), all.begin());
}

/// Calls `check(segment, offset)` for every byte of the two segments, or for many of them.
template <class Check>
void for_every_byte(Check check) {
  for (std::uint64_t segment = 1; segment <= 2; ++segment)
    for (std::size_t offset = 0; offset < small_segment; ++offset)
      if (offset % stride == 0 || recorded().near_edge(segment, offset)) check(segment, offset);
}

} // namespace

BOOST_AUTO_TEST_CASE(the_recording_is_what_the_tests_suppose) {
  recorded_log& log = recorded();
  BOOST_TEST(log.records().size() >= 200);
  BOOST_TEST(log.frames().size() == log.records().size());
  BOOST_TEST(log.frames().front().segment == 1);
  BOOST_TEST(log.frames().back().segment == 2);
  BOOST_TEST(log.frames().back().end - log.frames()[log.frames().size() - 2].offset < small_segment);
}

// A segment is filled with zeros before it is used: where writing ended, zeros follow.
BOOST_AUTO_TEST_CASE(every_prefix_of_the_bytes_replays_the_batches_that_are_complete_in_it) {
  recorded_log& log = recorded();
  std::size_t wrong = 0;
  std::size_t refused = 0;
  std::size_t torn_tails = 0;
  const std::vector<std::byte> second = log.files.bytes(name_of(2));
  log.files.remove(name_of(2));
  for_every_byte([&](std::uint64_t segment, std::size_t size) {
    if (segment == 2 && size == 0) log.files.put(name_of(2), second);
    log.files.show_zeros_behind(name_of(segment), size);
    try {
      const auto found = log.read();
      if (found.size() != log.complete_before(segment, size) || !is_prefix(found, log.records())) ++wrong;
      // A cut inside a batch is reported as a torn tail that begins with the batch.
      const auto& torn = log.image().torn;
      const std::size_t end = log.image().last.end;
      const auto left = std::span(log.files.bytes(name_of(segment))).first(size).subspan(std::min(end, size));
      const bool expected = std::ranges::any_of(left, [](std::byte b) { return b != std::byte{0}; });
      if (torn.has_value() != expected || (torn && torn->offset() != end)) ++wrong;
      torn_tails += torn ? 1 : 0;
    } catch (const tp::log_error& error) {
      // A file gets its name after its header is durable, so that a part of one is damage.
      ++refused;
      const bool named = std::string(error.what()).find(name_of(segment)) != std::string::npos;
      if (size >= detail::header_size || !named) ++wrong;
    }
  });
  log.files.show_all();
  BOOST_TEST(wrong == 0);
  BOOST_TEST(refused > 100);
  BOOST_TEST(torn_tails > 200);
  BOOST_TEST((log.read() == log.records()));
}

BOOST_AUTO_TEST_CASE(a_segment_that_is_shorter_than_it_was_made_is_refused_where_it_ends) {
  recorded_log& log = recorded();
  std::size_t wrong = 0;
  for_every_byte([&](std::uint64_t segment, std::size_t size) {
    if (size % 61 != 0 && size > detail::header_size) return; // every one finds the same
    log.files.show_only(name_of(segment), size);
    try {
      log.read();
      ++wrong;
    } catch (const tp::log_corrupt& error) {
      const std::size_t expected = size < detail::header_size ? 0 : size;
      if (error.offset() != expected || !error.file().ends_with(name_of(segment))) ++wrong;
    }
    log.files.show_all();
  });
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(every_changed_byte_is_refused_with_its_offset_or_changes_nothing_or_costs_the_last_batch) {
  recorded_log& log = recorded();
  const std::uint64_t last_batch = log.frames().back().batch;
  std::size_t wrong = 0;
  std::size_t refused = 0;
  std::size_t cut = 0;
  for_every_byte([&](std::uint64_t segment, std::size_t offset) {
    std::byte& changed = log.files.bytes(name_of(segment))[offset];
    const std::byte before = changed;
    changed ^= static_cast<std::byte>(offset % 3 == 0 ? 0xFF : 1 << offset % 8);
    const auto hit = std::ranges::find_if(log.frames(), [&](const auto& each) {
      return each.segment == segment && each.offset <= offset && offset < each.end;
    });
    const bool in_last_batch = hit != log.frames().end() && hit->batch == last_batch;
    try {
      const auto found = log.read();
      if (in_last_batch && found.size() < log.records().size()) {
        ++cut;
        const auto& torn = log.image().torn;
        if (found.size() != last_batch - 1 || !is_prefix(found, log.records())) ++wrong;
        if (!torn || torn->offset() > offset || torn->offset() + torn->size() <= offset) ++wrong;
      } else if (found != log.records()) {
        ++wrong;
      }
    } catch (const tp::log_corrupt& error) {
      ++refused;
      const std::size_t begin = hit == log.frames().end() ? 0 : hit->offset;
      if (in_last_batch || error.offset() != begin || !error.file().ends_with(name_of(segment))) ++wrong;
    } catch (const tp::log_error& error) {
      ++refused; // the checksum of the header holds its version, so that no flip makes a newer one
      ++wrong;
    }
    changed = before;
  });
  BOOST_TEST(wrong == 0);
  BOOST_TEST(refused > 0);
  BOOST_TEST(cut > 0);
  BOOST_TEST((log.read() == log.records()));
}

BOOST_AUTO_TEST_CASE(a_log_cut_at_any_edge_opens_and_goes_on) {
  recorded_log& log = recorded();
  for (std::size_t i = 0; i < log.frames().size(); i += 7) {
    const auto& frame = log.frames()[i];
    for (const std::size_t size : {frame.offset, frame.offset + 5, frame.end - 1, frame.end}) {
      fake_files files;
      for (std::uint64_t number = 1; number <= frame.segment; ++number)
        files.put(name_of(number), log.files.bytes(name_of(number)));
      std::ranges::fill(std::span(files.bytes(name_of(frame.segment))).subspan(size), std::byte{0});
      const auto options = tp::file_log_options().segment_size(small_segment).files(files);
      std::vector<tp::log_record> expected;
      {
        tp::file_log cut("log", options);
        const auto contents = cut.open();
        BOOST_TEST_REQUIRE((contents.id() == log.id()));
        expected = contents.records();
        BOOST_TEST_REQUIRE(is_prefix(expected, log.records()));
        BOOST_TEST_REQUIRE(expected.size() == log.complete_before(frame.segment, size));
        expected.push_back(record(9999));
        BOOST_TEST_REQUIRE(force(cut, record(9999)).succeeded());
      }
      tp::file_log again("log", options);
      const auto contents = again.open();
      BOOST_TEST_REQUIRE(!contents.cut());
      BOOST_TEST_REQUIRE((contents.records() == expected));
    }
  }
}

BOOST_AUTO_TEST_CASE(damage_to_what_a_compaction_kept_is_no_torn_tail) {
  fake_files files;
  const auto options = tp::file_log_options().segment_size(small_segment).files(files);
  const std::vector live = {record(1), record(2)};
  {
    tp::file_log log("log", options);
    log.open();
    BOOST_TEST_REQUIRE(compact(log, live).succeeded());
  }
  const std::size_t end = detail::records_begin + detail::batch_size(live);
  for (std::size_t offset = detail::records_begin; offset < end; ++offset) {
    files.bytes(name_of(2))[offset] ^= std::byte{0x10};
    tp::file_log log("log", options);
    BOOST_CHECK_THROW(log.open(), tp::log_corrupt);
    files.bytes(name_of(2))[offset] ^= std::byte{0x10};
  }
  files.bytes(name_of(2)).resize(end - 8); // the same for a loss of its end
  tp::file_log log("log", options);
  BOOST_CHECK_THROW(log.open(), tp::log_corrupt);
}

BOOST_AUTO_TEST_CASE(a_newer_version_is_refused_by_name) {
  recorded_log& log = recorded();
  fake_files files;
  auto bytes = log.files.bytes(name_of(1));
  detail::header_fault fault{};
  auto header = detail::decode_header(bytes, fault).value();
  header.version = 7;
  std::ranges::copy(detail::encode_header(header), bytes.begin());
  files.put(name_of(1), bytes);
  tp::file_log newer("log", tp::file_log_options().segment_size(small_segment).files(files));
  BOOST_CHECK_EXCEPTION(newer.open(), tp::log_error, [](const tp::log_error& error) {
    return error.code() == tp::log_errc::newer_version &&
           std::string(error.what()).find("format 7") != std::string::npos;
  });
  BOOST_TEST((files.bytes(name_of(1)) == bytes));
}
