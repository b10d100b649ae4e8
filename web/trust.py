"""How to make other machines trust the local authority, in Vietnamese and English."""

from __future__ import annotations

from typing import Final

from web.certificates import Issued

_KEYCHAIN: Final = "/Library/Keychains/System.keychain"
_DEBIAN: Final = "/usr/local/share/ca-certificates/diemcau.crt"


def instructions(issued: Issued, https_port: int) -> str:
    """What ``diemcau dev-cert`` prints."""
    authority = issued.authority
    made = (
        ("Đã tạo chứng chỉ.", "A certificate was made.")
        if issued.renewed
        else ("Chứng chỉ vẫn còn dùng được.", "The certificate is still good.")
    )
    hosts = [name for name in issued.names if name not in ("localhost", "127.0.0.1", "::1")] or ["localhost"]
    address = f"https://{f'[{hosts[0]}]' if ':' in hosts[0] else hosts[0]}:{https_port}/"
    names = ", ".join(issued.names)
    return f"""\
{made[0]} / {made[1]}
  {authority}
  SHA-256 {issued.fingerprint}
  {names}

Tiếng Việt
  Chép tệp {authority.name} (chỉ tệp này, không bao giờ chép tệp khóa) sang máy khác rồi cho máy đó tin cậy:
  - Windows: mở cửa sổ lệnh quyền quản trị, gõ  certutil -addstore -f ROOT {authority.name}
  - macOS: sudo security add-trusted-cert -d -r trustRoot -k {_KEYCHAIN} {authority.name}
  - Debian, Ubuntu: chép thành {_DEBIAN} rồi chạy  sudo update-ca-certificates
  - Chromium trên Linux: certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n diemcau -i {authority.name}
  - Firefox: Cài đặt > Quyền riêng tư và bảo mật > Chứng chỉ > Xem chứng chỉ > Nhà cung cấp > Nhập
  - Android: Cài đặt > Bảo mật > Mã hóa và thông tin xác thực > Cài đặt chứng chỉ > Chứng chỉ CA
  So dấu vân tay SHA-256 ở trên trước khi bấm đồng ý. Khởi động lại dịch vụ, rồi mở {address}

English
  Copy {authority.name} (this file only, never a key file) to the other machine and let that trust it:
  - Windows, as administrator:  certutil -addstore -f ROOT {authority.name}
  - macOS:  sudo security add-trusted-cert -d -r trustRoot -k {_KEYCHAIN} {authority.name}
  - Debian, Ubuntu: copy it to {_DEBIAN}, then  sudo update-ca-certificates
  - Chromium on Linux:  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n diemcau -i {authority.name}
  - Firefox: Settings > Privacy & Security > Certificates > View Certificates > Authorities > Import
  - Android: Settings > Security > Encryption & credentials > Install a certificate > CA certificate
  Compare the SHA-256 fingerprint above before you agree. Restart the service, then open {address}
"""
