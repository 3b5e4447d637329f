// The checks of the fuzzer (test/fuzz) on its seeds and on mutations of them that are always the same.
// SPDX-License-Identifier: BSL-1.0
#include "decoder_checks.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>

namespace {

using bytes = std::vector<std::byte>;

#ifdef __OPTIMIZE__
constexpr int mutations = 5000; // of each seed
#else
constexpr int mutations = 1000;
#endif

/// What mutators of fuzzers do: bits, bytes, numbers at their edges, parts removed, repeated, or taken from another
/// input.
void mutate(bytes& input, const std::vector<bytes>& seeds, std::mt19937_64& random) {
  const auto below = [&random](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
  const auto place = [&] { return input.begin() + static_cast<std::ptrdiff_t>(below(input.size())); };
  static constexpr std::byte edges[] = {std::byte{0}, std::byte{1}, std::byte{0x7F}, std::byte{0x80}, std::byte{0xFF}};
  if (input.empty()) input.push_back(std::byte{0});
  switch (random() % 6) {
  case 0:
    *place() ^= static_cast<std::byte>(1 << random() % 8);
    break;
  case 1:
    *place() = edges[random() % std::size(edges)];
    break;
  case 2:
    input.resize(below(input.size()) + 1);
    break;
  case 3: {
    const auto from = place();
    input.erase(from, from + static_cast<std::ptrdiff_t>(below(static_cast<std::size_t>(input.end() - from))));
    break;
  }
  case 4: {
    const auto from = place();
    const bytes part(from, from + static_cast<std::ptrdiff_t>(below(static_cast<std::size_t>(input.end() - from))));
    input.insert(place(), part.begin(), part.end());
    break;
  }
  default: {
    const bytes& other = seeds[random() % seeds.size()];
    const std::size_t from = below(std::min(other.size(), input.size()));
    const std::size_t size = below(std::min(other.size(), input.size()) - from);
    std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(from), size,
                input.begin() + static_cast<std::ptrdiff_t>(from));
  }
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(the_seeds_pass_and_have_every_kind) {
  const auto seeds = log_test::decoder_seeds();
  for (const bytes& seed : seeds)
    BOOST_TEST(log_test::check_decoders(seed) == "");
  for (const auto kind :
       {log_test::decoder_input::record, log_test::decoder_input::segment, log_test::decoder_input::repaired_segment})
    BOOST_TEST(
        std::ranges::any_of(seeds, [kind](const bytes& each) { return each[0] == static_cast<std::byte>(kind); }));
}

BOOST_AUTO_TEST_CASE(mutated_seeds_keep_what_the_decoders_promise) {
  const auto seeds = log_test::decoder_seeds();
  std::mt19937_64 random(7);
  for (const bytes& seed : seeds)
    for (int i = 0; i < mutations; ++i) {
      bytes input = seed;
      for (std::size_t steps = random() % 4 + 1; steps > 0; --steps)
        mutate(input, seeds, random);
      BOOST_TEST_REQUIRE(log_test::check_decoders(input) == "");
    }
}
