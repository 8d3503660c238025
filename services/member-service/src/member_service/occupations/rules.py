"""Our own list of occupations; no official list of BPU occupation codes was found.

Only the sector has a legal effect: it decides which months the relief of PP 50/2025 covers.
Transport means ride-hailing and rank motorcycle drivers, drivers, and parcel and logistics
couriers, with or without a platform. A code is never removed or given another meaning, because
members carry it. Source: docs/domain.md, Occupations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from perisai_kit.domain.programmes import Sector

MAX_OCCUPATIONS = 2
"""Source: docs/domain.md, Who may join (at most two jobs as BPU)."""


@dataclass(frozen=True, slots=True)
class Occupation:
    code: str
    name: str
    name_id: str
    sector: Sector


_TRANSPORT = (
    ("motorcycle_taxi_driver", "Motorcycle taxi driver (rank)", "Pengemudi ojek pangkalan"),
    ("ride_hailing_rider", "Ride-hailing motorcycle rider", "Pengemudi ojek daring"),
    ("ride_hailing_driver", "Ride-hailing car driver", "Pengemudi taksi daring"),
    ("driver", "Driver", "Sopir"),
    ("truck_driver", "Truck driver", "Sopir truk"),
    ("public_minibus_driver", "Public minibus driver", "Sopir angkutan umum"),
    ("courier", "Parcel or logistics courier", "Kurir paket atau logistik"),
    ("food_courier", "Food delivery courier", "Kurir antar makanan"),
)
_OTHER = (
    ("fisher", "Fisher", "Nelayan"),
    ("fish_farmer", "Fish farmer", "Pembudi daya ikan"),
    ("fish_processor", "Fish processor", "Pengolah ikan"),
    ("boat_crew", "Crew of a fishing boat", "Anak buah kapal ikan"),
    ("farmer", "Farmer", "Petani"),
    ("farm_worker", "Farm worker", "Buruh tani"),
    ("plantation_worker", "Plantation worker", "Pekerja kebun"),
    ("tobacco_worker", "Tobacco or clove farm worker", "Buruh tani tembakau atau cengkih"),
    ("livestock_farmer", "Livestock farmer", "Peternak"),
    ("market_trader", "Market trader", "Pedagang pasar"),
    ("street_vendor", "Street vendor", "Pedagang kaki lima"),
    ("shopkeeper", "Shopkeeper", "Pemilik warung atau toko"),
    ("online_seller", "Online seller", "Penjual daring"),
    ("cook", "Cook or caterer", "Juru masak atau katering"),
    ("construction_worker", "Construction worker", "Tukang atau buruh bangunan"),
    ("repairer", "Repairer or mechanic", "Tukang reparasi atau montir"),
    ("porter", "Porter", "Kuli angkut"),
    ("daily_labourer", "Daily labourer", "Buruh harian lepas"),
    ("parking_attendant", "Parking attendant", "Juru parkir"),
    ("waste_collector", "Waste collector", "Pengumpul sampah"),
    ("domestic_worker", "Domestic worker", "Pekerja rumah tangga"),
    ("laundry_worker", "Laundry worker", "Pekerja binatu"),
    ("hairdresser", "Hairdresser or beautician", "Penata rambut atau rias"),
    ("tailor", "Tailor", "Penjahit"),
    ("craftsperson", "Craftsperson", "Perajin"),
    ("home_producer", "Home producer", "Pelaku industri rumahan"),
    ("teacher", "Independent teacher or tutor", "Guru honorer atau pengajar lepas"),
    ("religious_worker", "Religious worker", "Pekerja keagamaan"),
    ("health_volunteer", "Community health volunteer", "Kader kesehatan"),
    ("artist", "Artist or performer", "Seniman"),
    ("athlete", "Athlete or sports coach", "Atlet atau pelatih olahraga"),
    ("content_creator", "Content creator or freelancer", "Pembuat konten atau pekerja lepas"),
    ("professional", "Independent professional", "Profesional mandiri"),
    ("tour_guide", "Tour guide", "Pemandu wisata"),
    ("village_worker", "Village or neighbourhood worker", "Pekerja sosial desa, RT atau RW"),
    ("apprentice", "Apprentice or trainee", "Peserta magang atau pelatihan"),
    ("perisai_agent", "Perisai agent", "Agen Perisai"),
    ("business_owner", "Business owner who employs others", "Pemilik usaha dengan pekerja"),
    ("other", "Other", "Lainnya"),
)
OCCUPATIONS: dict[str, Occupation] = {
    code: Occupation(code, name, name_id, sector)
    for sector, rows in ((Sector.TRANSPORT, _TRANSPORT), (Sector.OTHER, _OTHER))
    for code, name, name_id in rows
}


def find_sector(codes: Sequence[str]) -> Sector:
    """Return the sector of a person with these occupations, the main one first.

    The main occupation decides. No text says what holds for two jobs in different sectors
    (docs/domain.md, Occupations).
    """
    return OCCUPATIONS[codes[0]].sector
