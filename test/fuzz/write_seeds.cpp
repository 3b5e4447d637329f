// Writes the first inputs of a fuzzer, with which it is linked, into a directory: <fuzzer>_seeds DIRECTORY.
// SPDX-License-Identifier: BSL-1.0
#include "seeds.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

int main(int argc, char* argv[]) {
  if (argc != 2) {
    std::fputs("usage: <fuzzer>_seeds DIRECTORY\n", stderr);
    return 2;
  }
  const std::filesystem::path directory = argv[1];
  std::filesystem::create_directories(directory);
  std::size_t number = 0;
  for (const auto& seed : fuzzer_seeds()) {
    std::ofstream file(directory / ("seed" + std::to_string(number++)), std::ios::binary);
    file.write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
    if (!file.flush()) {
      std::fprintf(stderr, "cannot write the seeds to %s\n", directory.c_str());
      return 1;
    }
  }
  return 0;
}
