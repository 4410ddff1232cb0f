"""The checksums of the protocols, each with the check value that the CRC catalogue publishes.

The three CRC-16 have the polynomial 0x1021. Python's own ``binascii.crc_hqx`` computes the one that is not
reflected, from any initial value; the reflected one is the same on bytes and result with their bits reversed.
Check values (the CRC of ``123456789``): https://reveng.sourceforge.io/crc-catalogue/16.htm
"""

from __future__ import annotations

from binascii import crc_hqx

_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


def crc16_aug_ccitt(data: bytes) -> int:
    """CRC-16/SPI-FUJITSU, also called AUG-CCITT: initial value 0x1D0F (FLIR Boson).

    >>> hex(crc16_aug_ccitt(b"123456789"))
    '0xe5cc'
    """
    return crc_hqx(data, 0x1D0F)


def crc16_xmodem(data: bytes) -> int:
    """CRC-16/XMODEM: initial value 0 (LightWare).

    >>> hex(crc16_xmodem(b"123456789"))
    '0x31c3'
    """
    return crc_hqx(data, 0)


def crc16_mcrf4xx(data: bytes) -> int:
    """CRC-16/MCRF4XX: initial value 0xFFFF, reflected (MAVLink, which calls it X.25).

    >>> hex(crc16_mcrf4xx(b"123456789"))
    '0x6f91'
    """
    crc = crc_hqx(data.translate(_REVERSED), 0xFFFF)
    return _REVERSED[crc >> 8] | _REVERSED[crc & 0xFF] << 8


def xor8(data: bytes) -> int:
    """All bytes exclusive-or'd (NMEA 0183). The sentence is a much used example.

    >>> f"{xor8(b'GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,'):02X}"
    '47'
    """
    result = 0
    for byte in data:
        result ^= byte
    return result


def sum8(data: bytes) -> int:
    """Low 8 bits of the sum of all bytes (Benewake).

    The frame is the command 'save settings' of the TFmini Plus datasheet (SJ-GU-TFmini-Plus-01 A00):

    >>> hex(sum8(bytes.fromhex("5A 04 11")))
    '0x6f'
    """
    return sum(data) & 0xFF
