// Messages of pgoutput as a real server (PostgreSQL 15) sent them: the seeds of the fuzz targets, in
// tests/fuzz/corpus/pgoutput_stream.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace penstock::tests {

// The messages of one file, in their order. Throws std::runtime_error when there is no such file.
std::vector<std::string> captured_wal(std::string_view name);

}  // namespace penstock::tests
