// Reads the words of a plan in order. The first mistake is kept; after it everything reads as 0.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace tenon {

class WordReader {
 public:
  WordReader(const double* words, size_t num_words) : words_(words), end_(num_words) {}

  bool ok() const { return ok_; }
  const std::string& error() const { return error_; }
  void fail(const char* error) {
    if (ok_) error_ = error;
    ok_ = false;
  }
  void place_error(const std::string& where) { error_ = where + ": " + error_; }

  size_t position() const { return position_; }
  int64_t left() const { return static_cast<int64_t>(end_ - position_); }

  double word() {
    if (position_ == end_) fail("ends too early");
    return ok_ ? words_[position_++] : 0;
  }

  // NaN fails every comparison.
  int64_t check(double value, const char* what, int64_t low, int64_t high) {
    const bool fits = value >= static_cast<double>(low) && value <= static_cast<double>(high);
    if (ok_ && fits && value == std::trunc(value)) return static_cast<int64_t>(value);
    fail(what);
    return 0;
  }

  int64_t integer(const char* what, int64_t low, int64_t high) {
    return check(word(), what, low, high);
  }

  // A number of things, of which each takes at least so many of the words that are left.
  size_t count(const char* what, int64_t words_each) {
    const double value = word();
    return static_cast<size_t>(check(value, what, 0, left() / words_each));
  }

  std::vector<double> words(size_t n) {
    if (n > end_ - position_) fail("ends too early");
    if (!ok_) return {};
    position_ += n;
    return std::vector<double>(words_ + position_ - n, words_ + position_);
  }

 private:
  const double* words_;
  size_t end_;
  size_t position_ = 0;
  bool ok_ = true;
  std::string error_;
};

}  // namespace tenon
