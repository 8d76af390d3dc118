#include "store/sqlite/database.h"

#include <sys/stat.h>

#include "store/sqlite/schema.h"

namespace penstock::store::sqlite {

Timestamp database_now() { return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now()); }

Database::Database(std::string path) : path_(std::move(path)) {}

Database::Writing::~Writing() {
  if (database_ == nullptr) return;
  if (connection_->is_broken()) database_->writer_.reset();
  database_->turn_.leave();
}

Database::Reading::~Reading() {
  if (connection_ == nullptr) return;
  {
    std::lock_guard lock(database_->readers_mutex_);
    --database_->readers_in_use_;
    if (!connection_->is_broken()) {
      connection_->trim();
      database_->idle_readers_.push_back(std::move(connection_));
    }
  }
  database_->reader_free_.notify_one();
}

Result<Database::Writing> Database::start_writing() {
  if (!turn_.enter(Deadline::in(kTurnWait)))
    return fail(codes::kStoreBusy, path_ + ": other writes of this program took too long");
  if (writer_ != nullptr && writer_->has_moved()) writer_.reset();
  if (writer_ == nullptr) {
    auto opened = open(Connection::Use::kWrite);
    if (!opened) {
      turn_.leave();
      return fail(std::move(opened.error()));
    }
    writer_ = std::move(*opened);
  }
  return Writing(*this, *writer_);
}

Result<Database::Reading> Database::start_reading() {
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(readers_mutex_);
    if (!reader_free_.wait_for(lock, kTurnWait, [this] { return readers_in_use_ < kReaders; }))
      return fail(codes::kStoreBusy, path_ + ": other reads of this program took too long");
    ++readers_in_use_;
    if (!idle_readers_.empty()) {
      connection = std::move(idle_readers_.back());
      idle_readers_.pop_back();
    }
  }
  if (connection != nullptr && !connection->has_moved()) return Reading(*this, std::move(connection));
  auto opened = open(Connection::Use::kRead);
  if (opened) return Reading(*this, std::move(*opened));
  {
    std::lock_guard lock(readers_mutex_);
    --readers_in_use_;
  }
  reader_free_.notify_one();
  return fail(std::move(opened.error()));
}

Result<std::unique_ptr<Connection>> Database::open(Connection::Use use) const {
  struct stat found {};
  if (!path_.empty() && stat(path_.c_str(), &found) != 0) {
    const auto slash = path_.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path_.substr(0, slash + 1);
    if (stat(folder.c_str(), &found) != 0)
      return fail(codes::kStoreUnavailable, path_ + ": its folder doesn't exist or can't be entered");
    if (seen_) return fail(codes::kStoreUnavailable, path_ + " is no longer there");
    return fail(codes::kStoreSchemaMissing, path_ + " doesn't exist yet");
  }
  auto opened = Connection::open(path_, use);
  if (!opened) return opened;
  if (auto checked = check_schema(**opened, path_); !checked) return fail(std::move(checked.error()));
  seen_ = true;
  return opened;
}

}  // namespace penstock::store::sqlite
