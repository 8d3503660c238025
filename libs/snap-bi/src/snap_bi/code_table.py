"""The codes that a bank may get from us, with what each means and what to do, as data."""

from dataclasses import dataclass

from snap_bi.codes import Case, Service

TOKEN = (Service.ACCESS_TOKEN,)
EVERY = (Service.ACCESS_TOKEN, Service.INQUIRY, Service.PAYMENT)
BILLS = (Service.INQUIRY, Service.PAYMENT)
PAYMENT = (Service.PAYMENT,)


@dataclass(frozen=True, slots=True)
class Words:
    """One text in two languages."""

    english: str
    indonesia: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A case of the standard that we answer. detail: the fixed word in its message."""

    case: Case
    services: tuple[Service, ...]
    meaning: Words
    action: Words
    detail: str | None = None


_CORRECT = Words(
    "Correct the request and send it again with a new X-EXTERNAL-ID.",
    "Perbaiki permintaannya, lalu kirim lagi dengan X-EXTERNAL-ID baru.",
)
_TELL_CUSTOMER = Words(
    "Tell the customer. Do not send it again.",
    "Beri tahu nasabah. Jangan dikirim lagi.",
)
_COMPARE = Words(
    "Compare your string to sign with string_to_sign of this request in the request log.",
    "Bandingkan teks yang Anda tandatangani dengan string_to_sign permintaan ini di catatan "
    "permintaan.",
)
_NEW_TOKEN = Words(
    "Ask for a new token and send the request again.",
    "Minta token baru, lalu kirim lagi permintaannya.",
)
_REPEAT = Words(
    "Send the same paymentRequestId again; do not refund before the answer is clear.",
    "Kirim lagi paymentRequestId yang sama; jangan kembalikan uang sebelum jawabannya jelas.",
)

ANSWERED: tuple[Answered, ...] = (
    Answered(
        Case.SUCCESSFUL,
        EVERY,
        Words(
            "Accepted. A payment flag answered so is booked.",
            "Diterima. Laporan pembayaran yang dijawab begini sudah tercatat.",
        ),
        Words("Nothing.", "Tidak perlu apa-apa."),
    ),
    Answered(
        Case.BAD_REQUEST,
        TOKEN,
        Words(
            "The body is not a JSON object with the grantType client_credentials, or the request "
            "comes from an address that is not on your list.",
            "Isi permintaan bukan objek JSON dengan grantType client_credentials, atau permintaan "
            "datang dari alamat yang tidak ada di daftar Anda.",
        ),
        Words(
            "See failed_check in the request log: `grant` is the body, `source` the address.",
            "Lihat failed_check di catatan permintaan: `grant` berarti isinya, `source` alamatnya.",
        ),
    ),
    Answered(
        Case.BAD_REQUEST,
        BILLS,
        Words(
            "The body cannot be read, or a value cannot be used, such as another currency.",
            "Isi permintaan tidak terbaca, atau ada nilai yang tidak bisa dipakai, misalnya mata "
            "uang lain.",
        ),
        _CORRECT,
    ),
    Answered(
        Case.INVALID_FIELD_FORMAT,
        EVERY,
        Words(
            "The named header or field has a wrong form.",
            "Bentuk header atau isian yang disebut salah.",
        ),
        _CORRECT,
    ),
    Answered(
        Case.INVALID_MANDATORY_FIELD,
        EVERY,
        Words(
            "The named header or field is missing.",
            "Header atau isian yang disebut tidak ada.",
        ),
        _CORRECT,
    ),
    Answered(
        Case.UNAUTHORIZED,
        BILLS,
        Words(
            "The request comes from an address that is not on your list.",
            "Permintaan datang dari alamat yang tidak ada di daftar Anda.",
        ),
        Words(
            "Ask us to add the address that the request log shows.",
            "Minta kami menambahkan alamat yang terlihat di catatan permintaan.",
        ),
        "Connection not allowed",
    ),
    Answered(
        Case.UNAUTHORIZED,
        EVERY,
        Words(
            "X-CLIENT-KEY or X-PARTNER-ID is not yours or not of the owner of the token, or you "
            "have not been activated here yet.",
            "X-CLIENT-KEY atau X-PARTNER-ID bukan milik Anda atau bukan milik pemegang token, atau "
            "Anda belum diaktifkan di sini.",
        ),
        Words(
            "Send the values of the sample requests.", "Kirim nilai seperti di contoh permintaan."
        ),
        "Unknown client",
    ),
    Answered(
        Case.UNAUTHORIZED,
        EVERY,
        Words(
            "X-TIMESTAMP is too far from our real time.",
            "X-TIMESTAMP terlalu jauh dari waktu nyata kami.",
        ),
        Words(
            "Set your clock by NTP, and sign the timestamp that you send.",
            "Samakan jam server lewat NTP, dan tandatangani waktu yang Anda kirim.",
        ),
        "Timestamp",
    ),
    Answered(
        Case.UNAUTHORIZED,
        EVERY,
        Words("The signature is not valid.", "Tanda tangannya tidak cocok."),
        _COMPARE,
        "Signature",
    ),
    Answered(
        Case.INVALID_TOKEN,
        BILLS,
        Words(
            "The token is missing, unknown or has expired; it is valid for 900 seconds.",
            "Token tidak ada, tidak dikenal, atau sudah lewat; masa berlakunya 900 detik.",
        ),
        _NEW_TOKEN,
    ),
    Answered(
        Case.FEATURE_NOT_ALLOWED,
        BILLS,
        Words(
            "You are suspended here. Settled payments are still confirmed.",
            "Kerja sama Anda sedang ditangguhkan. Pembayaran yang sudah tercatat tetap dibenarkan.",
        ),
        Words("Ask our finance office.", "Hubungi bagian keuangan kami."),
        "Partner is suspended",
    ),
    Answered(
        Case.INVALID_ACCOUNT,
        BILLS,
        Words(
            "virtualAccountNo is not partnerServiceId followed by customerNo.",
            "virtualAccountNo bukan gabungan partnerServiceId dan customerNo.",
        ),
        _CORRECT,
    ),
    Answered(
        Case.INVALID_BILL,
        BILLS,
        Words("There is no such virtual account.", "Virtual account ini tidak ada."),
        _TELL_CUSTOMER,
    ),
    Answered(
        Case.INVALID_BILL,
        BILLS,
        Words("The bill was replaced or withdrawn.", "Tagihan sudah diganti atau dibatalkan."),
        Words(
            "Tell the customer to ask for the number of the new bill.",
            "Minta nasabah menanyakan nomor tagihan yang baru.",
        ),
        "Cancelled",
    ),
    Answered(
        Case.INVALID_AMOUNT,
        PAYMENT,
        Words("The amount differs from the bill.", "Nominal tidak sama dengan tagihan."),
        Words(
            "Collect the whole amount of the inquiry, neither less nor more.",
            "Tagih jumlah penuh dari jawaban inquiry, tidak kurang dan tidak lebih.",
        ),
    ),
    Answered(
        Case.PAID_BILL,
        BILLS,
        Words(
            "The bill was paid by another payment.", "Tagihan sudah dibayar lewat pembayaran lain."
        ),
        _TELL_CUSTOMER,
    ),
    Answered(
        Case.PARTNER_NOT_FOUND,
        BILLS,
        Words(
            "partnerServiceId is not your company code.",
            "partnerServiceId bukan kode perusahaan Anda.",
        ),
        _CORRECT,
    ),
    Answered(
        Case.INCONSISTENT_REQUEST,
        PAYMENT,
        Words(
            "A settled payment has this paymentRequestId. With flag 00 it is this payment, with "
            "01 it has other content.",
            "paymentRequestId ini sudah dipakai pembayaran yang tercatat. Flag 00 berarti "
            "pembayaran yang sama, 01 berarti isinya lain.",
        ),
        Words(
            "With 01: ask us which one is right. A new payment needs its own paymentRequestId.",
            "Untuk 01: pembayaran baru perlu paymentRequestId sendiri. Tanyakan kepada kami mana "
            "yang benar.",
        ),
    ),
    Answered(
        Case.EXPIRED_BILL,
        BILLS,
        Words("The time to pay the bill is over.", "Batas waktu tagihan sudah lewat."),
        Words("Tell the customer to ask for a new bill.", "Minta nasabah meminta tagihan baru."),
    ),
    Answered(
        Case.FUNCTION_NOT_SUPPORTED,
        EVERY,
        Words("Only POST is served.", "Hanya POST yang dilayani."),
        Words("Send a POST.", "Kirim dengan POST."),
    ),
    Answered(
        Case.CONFLICT,
        BILLS,
        Words(
            "X-EXTERNAL-ID was used today for the same service.",
            "X-EXTERNAL-ID sudah dipakai hari ini untuk layanan yang sama.",
        ),
        Words(
            "Send the same paymentRequestId again with a new X-EXTERNAL-ID.",
            "Kirim lagi paymentRequestId yang sama dengan X-EXTERNAL-ID baru.",
        ),
    ),
    Answered(
        Case.GENERAL_ERROR,
        (Service.ACCESS_TOKEN, Service.INQUIRY),
        Words("We failed.", "Ada gangguan di pihak kami."),
        Words("Try again in a moment.", "Coba lagi sebentar lagi."),
    ),
    Answered(
        Case.GENERAL_ERROR,
        PAYMENT,
        Words(
            "We failed, and the payment may or may not be booked.",
            "Ada gangguan di pihak kami; pembayaran mungkin tercatat, mungkin belum.",
        ),
        _REPEAT,
    ),
)

UNKNOWN_SENDER = Answered(
    Case.INVALID_TOKEN,
    BILLS,
    Words(
        "X-PARTNER-ID is not yours. Without a token it says who sends.",
        "X-PARTNER-ID bukan milik Anda. Tanpa token, nilai itu menunjukkan siapa pengirimnya.",
    ),
    Words("Send the X-PARTNER-ID of the sample requests.", "Kirim X-PARTNER-ID seperti di contoh."),
)
"""What this case means to banks that sign without a token."""

SILENT = Answered(
    Case.TIMEOUT,
    PAYMENT,
    Words(
        "The outcome is unknown: 504 without a body, because you would read any code as a refusal.",
        "Hasilnya belum diketahui: 504 tanpa isi, karena kode apa pun akan Anda anggap penolakan.",
    ),
    _REPEAT,
)
"""The answer to a payment flag in doubt, of banks that take every code for a refusal."""
